// SPDX-License-Identifier: Apache-2.0
// Every file of examples/gitops: that it is what Argo CD, Flux, kustomize and CI systems read, that what
// it names is there, and that the commands of its workflows run. Argo CD's health scripts are tested by
// e2e/cluster/argo-health.e2e.ts.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { Environment } from "@marcbachmann/cel-js";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/gitops");

type Manifest = {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
  // Of many kinds; what is not there fails the expectation that asks for it.
  // biome-ignore lint/suspicious/noExplicitAny: manifests of other projects have no types here
  readonly [field: string]: any;
};

const paths = globSync("**/*.yaml", { cwd: EXAMPLE })
  .concat(globSync(".github/**/*.yaml", { cwd: EXAMPLE }), ".gitlab-ci.yml")
  .sort();

const manifests: readonly Manifest[] = paths.flatMap((file) =>
  parseAllDocuments(readFileSync(join(EXAMPLE, file), "utf8")).map((document) => {
    expect(document.errors, file).toEqual([]);
    return { file, ...document.toJS() };
  }),
);

const ofKind = (kind: string, group: string) =>
  manifests.filter((one) => one.kind === kind && one.apiVersion?.startsWith(`${group}/`));

const applications = ofKind("Application", "argoproj.io");
const kustomizations = ofKind("Kustomization", "kustomize.config.k8s.io");
const fluxKustomizations = ofKind("Kustomization", "kustomize.toolkit.fluxcd.io");
const releases = ofKind("HelmRelease", "helm.toolkit.fluxcd.io");
const sources = ofKind("GitRepository", "source.toolkit.fluxcd.io");
const policies = [
  ...ofKind("TracingPolicy", "cilium.io"),
  ...ofKind("TracingPolicyNamespaced", "cilium.io"),
];

const OURS = "https://git.example.com/gander/gander.git";

/** A path in the repository of Gander, or in the one that the example is. */
function isThere(repository: string, path: string): boolean {
  return existsSync(join(repository === OURS ? ROOT : EXAMPLE, path));
}

describe("the repository", () => {
  it("holds nothing that this test does not know", () => {
    const known = new Set(
      [applications, kustomizations, fluxKustomizations, releases, sources, policies]
        .flat()
        .map(({ file }) => file),
    );
    const others = paths.filter((path) => !known.has(path));
    expect(others).toEqual([
      ".github/workflows/policies.yaml",
      ".gitlab-ci.yml",
      "argocd/argocd-cm.yaml",
      "flux/releases/namespace.yaml",
    ]);
  });

  it("has no object twice", () => {
    const names = manifests
      .filter(({ metadata }) => metadata !== undefined)
      .map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.name].join(" "));
    expect(names.length).toBe(new Set(names).size);
  });
});

describe("kustomizations", () => {
  it("name what is there, and leave no policy out", () => {
    const reached = new Set<string>();
    for (const { file, resources } of kustomizations) {
      expect(resources.length).toBeGreaterThan(0);
      for (const resource of resources) {
        const path = normalize(join(dirname(file), resource));
        expect(existsSync(join(EXAMPLE, path)), path).toBe(true);
        reached.add(path);
      }
    }
    for (const { file } of policies) expect(reached).toContain(file);
    for (const { file } of applications.filter(({ file }) => file.startsWith("argocd/apps/")))
      expect(reached).toContain(file);
    // A folder that is named needs a kustomization of its own.
    const folders = [...reached].filter((path) => !path.endsWith(".yaml"));
    for (const folder of folders)
      expect(kustomizations.map(({ file }) => file)).toContain(`${folder}/kustomization.yaml`);
  });

  it("set the namespace that the policies have", () => {
    for (const { file, namespace } of kustomizations.filter(({ namespace }) => namespace))
      for (const policy of policies.filter((one) => dirname(one.file) === dirname(file)))
        expect(policy).toMatchObject({ kind: "TracingPolicyNamespaced", metadata: { namespace } });
  });
});

describe("Argo CD", () => {
  it.each(applications)("$file is an Application of what is there", ({ spec, metadata }) => {
    expect(metadata.namespace).toBe("argocd");
    // Deleting it must not delete what enforces.
    expect(metadata).not.toHaveProperty("finalizers");
    expect(spec.project).toBe("default");
    expect(spec.destination.server).toBe("https://kubernetes.default.svc");
    expect(spec.source.repoURL).toMatch(/^https:\/\/git\.example\.com\//);
    expect(spec.source.targetRevision).toMatch(/^(main|v\d+\.\d+\.\d+)$/);
    expect(isThere(spec.source.repoURL, spec.source.path), spec.source.path).toBe(true);
    expect(spec.syncPolicy.automated.selfHeal).toBe(true);
  });

  it("brings definitions, then the operator, then policies", () => {
    const wave = (name: string) => {
      const found = applications.find(({ metadata }) => metadata.name === name);
      return Number(found?.metadata.annotations?.["argocd.argoproj.io/sync-wave"]);
    };
    expect(wave("gander-crds")).toBeLessThan(wave("gander-operator"));
    expect(wave("gander-operator")).toBeLessThan(wave("gander-policies"));
  });

  it("never prunes definitions, and no repository that seems empty", () => {
    const syncOf = (name: string) =>
      applications.find(({ metadata }) => metadata.name === name)?.spec.syncPolicy.automated;
    expect(syncOf("gander-crds")).toMatchObject({ prune: false });
    expect(syncOf("gander-policies")).toMatchObject({ prune: true, allowEmpty: false });
  });

  it("tries the newest commit again after a sync that failed", () => {
    const policies = applications.find(({ metadata }) => metadata.name === "gander-policies");
    expect(policies?.spec.syncPolicy.retry).toMatchObject({ limit: 5, refresh: true });
  });

  it("has a health script for each of our kinds, and waits for Applications", () => {
    const configMap = manifests.find(({ kind }) => kind === "ConfigMap");
    const keys = Object.keys(configMap?.data ?? {});
    const kinds = ["cilium.io_TracingPolicy", "gander.dev_GuardPolicy", "gander.dev_PolicyStatus"];
    expect(keys.sort()).toEqual(
      [...kinds, ...kinds.map((kind) => `${kind}Namespaced`), "argoproj.io_Application"]
        .map((kind) => `resource.customizations.health.${kind}`)
        .sort(),
    );
  });
});

describe("values", () => {
  const used: readonly (readonly [string, unknown])[] = [
    ...applications
      .filter(({ spec }) => spec.source.helm)
      .map(({ spec }) => [spec.source.path, spec.source.helm.valuesObject] as const),
    ...releases.map(({ spec }) => [spec.chart.spec.chart, spec.values] as const),
  ];

  it("are given to both charts by both tools", () =>
    expect(used.map(([chart]) => chart).sort()).toEqual([
      ...["charts/gander", "charts/gander", "charts/gander-crds", "charts/gander-crds"],
    ]));

  it.each(used)("of %s are such that the chart has", (chart, values) => {
    const schema = JSON.parse(readFileSync(join(ROOT, chart, "values.schema.json"), "utf8"));
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    const defaults = parse(readFileSync(join(ROOT, chart, "values.yaml"), "utf8"));
    expect(validate(merged(defaults, values)), JSON.stringify(validate.errors)).toBe(true);
  });
});

/** As Helm lays values over a chart's defaults. */
function merged(below: unknown, above: unknown): unknown {
  if (!isObject(below) || !isObject(above)) return above;
  const names = new Set([...Object.keys(below), ...Object.keys(above)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      name in above ? merged(below[name], above[name]) : below[name],
    ]),
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

describe("Flux", () => {
  it("waits for what must be there before", () => {
    const names = (list: readonly Manifest[]) => list.map(({ metadata }) => metadata.name);
    const before = (list: readonly Manifest[], name: string) =>
      list
        .find(({ metadata }) => metadata.name === name)
        ?.spec.dependsOn?.map((one: { name: string }) => one.name);
    expect(before(releases, "gander")).toEqual(["gander-crds"]);
    expect(before(fluxKustomizations, "policies")).toEqual(["gander"]);
    expect(names(releases)).toContain("gander-crds");
    for (const { spec } of fluxKustomizations)
      expect(spec).toMatchObject({ wait: true, prune: true });
  });

  it("names sources and paths that are there", () => {
    const url = (name: string) => sources.find(({ metadata }) => metadata.name === name)?.spec.url;
    for (const { spec } of fluxKustomizations)
      expect(isThere(url(spec.sourceRef.name), spec.path), spec.path).toBe(true);
    for (const { spec } of releases) {
      const { chart, sourceRef } = spec.chart.spec;
      expect(isThere(url(sourceRef.name), chart), chart).toBe(true);
    }
  });

  const expected: Readonly<Record<string, string>> = {
    "not-yet-seen": "inProgress",
    "rolling-out": "inProgress",
    ready: "current",
    "some-failed": "failed",
    unsupported: "failed",
    paused: "current",
  };
  const checks: readonly Manifest[] = fluxKustomizations.flatMap(
    ({ spec }) => spec.healthCheckExprs ?? [],
  );

  it("has checks for both kinds of policies", () =>
    expect(checks.map(({ kind }) => kind)).toEqual(["TracingPolicy", "TracingPolicyNamespaced"]));

  it.each(Object.entries(expected))("takes a policy that is %s for %s", (name, state) => {
    const text = readFileSync(join(ROOT, `e2e/cluster/fixtures/statuses/${name}.yaml`), "utf8");
    const [policy] = parseAllDocuments(text)
      .map((document) => document.toJS({ reviver: toCel }))
      .filter(({ kind }) => kind === "TracingPolicy");
    const cel = new Environment({ unlistedVariablesAreDyn: true });
    for (const check of checks) {
      // In this order, as Flux does; none of them means that it is in progress.
      const first = ["inProgress", "failed", "current"].find(
        (expression) => cel.evaluate(check[expression], policy) === true,
      );
      expect(first ?? "inProgress").toBe(state);
    }
  });
});

/** Whole numbers are ints in CEL. */
function toCel(_key: unknown, value: unknown): unknown {
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
}

describe("workflows", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "gander-gitops-"));
    cpSync(EXAMPLE, join(folder, "repository"), { recursive: true });
    const program = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "packages/cli/src/main.ts")}' "$@"\n`;
    writeFileSync(join(folder, "gander"), program);
    chmodSync(join(folder, "gander"), 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const github = manifests.find(({ file }) => file.startsWith(".github/"));
  const gitlab = manifests.find(({ file }) => file === ".gitlab-ci.yml");
  const commands: readonly string[] = [
    ...(github?.jobs.check.steps.flatMap((step: { run?: string }) => step.run ?? []) ?? []),
    ...(gitlab?.policies.script ?? []),
  ];

  function shell(command: string) {
    // GitHub's shell stops at the first command that fails.
    const { status, stdout } = spawnSync("bash", ["-e", "-o", "pipefail", "-c", command], {
      cwd: join(folder, "repository"),
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
      encoding: "utf8",
    });
    return { status, stdout };
  }

  it("are there", () => expect(commands).toHaveLength(3));

  it.each(commands)("%s passes", (command) => {
    const { status, stdout } = shell(command);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: command.includes("github")
        ? "3 files, 3 policies without an error, no problems\n"
        : "",
    });
  });

  it("fail by a policy that is broken, and still upload what is wrong with it", () => {
    const file = join(folder, "repository/policies/watch-shadow-file.yaml");
    const good = readFileSync(file, "utf8");
    writeFileSync(file, good.replace("Equal", "Equl"));
    const statuses = commands.map((command) => shell(command).status);
    expect(statuses).toEqual([1, 0, 1]);
    const sarif = JSON.parse(readFileSync(join(folder, "repository/gander.sarif"), "utf8"));
    expect(sarif.runs[0].results).toHaveLength(1);
    expect(readFileSync(join(folder, "repository/gander.xml"), "utf8")).toContain("Equl");
    writeFileSync(file, good);
  });
});
