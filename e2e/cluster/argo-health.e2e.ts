// SPDX-License-Identifier: Apache-2.0
// Argo CD's view of our objects: the scripts of examples/gitops, run by the interpreter that Argo CD
// uses, on statuses as the operator writes them.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkPolicyStatusSchema, checkTracingPolicyStatusSchema } from "@gander/crd-schemas";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";

const ROOT = join(import.meta.dirname, "../..");

type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly generation?: number };
  readonly status?: Readonly<Record<string, unknown>>;
};
type Health = { readonly status?: string; readonly message?: string; readonly error?: string };
type Question = { readonly script: string; readonly object: KubeObject };

const configMap = parse(readFileSync(join(ROOT, "examples/gitops/argocd/argocd-cm.yaml"), "utf8"));

function scriptFor({ apiVersion, kind }: KubeObject): string {
  const key = `resource.customizations.health.${apiVersion.split("/")[0]}_${kind}`;
  const script: unknown = configMap.data[key];
  if (typeof script !== "string") throw new Error(`There is no ${key}`);
  return script;
}

function healthOf(objects: readonly KubeObject[]): readonly Health[] {
  return run(objects.map((object) => ({ script: scriptFor(object), object })));
}

function run(questions: readonly Question[]): readonly Health[] {
  const input = JSON.stringify(questions);
  const { stdout, stderr, error } = spawnSync("lua-health", { input, encoding: "utf8" });
  if (error) throw new Error("Cannot run lua-health: run scripts/setup e2e", { cause: error });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

const fixtures = new Map(
  globSync("fixtures/statuses/*.yaml", { cwd: import.meta.dirname }).map((path) => [
    basename(path, ".yaml"),
    parseAllDocuments(readFileSync(join(import.meta.dirname, path), "utf8")).map(
      (document) => document.toJS() as KubeObject,
    ),
  ]),
);

function fixture(name: string): readonly KubeObject[] {
  const objects = fixtures.get(name);
  if (objects === undefined || objects.length === 0) throw new Error(`There is no ${name}`);
  return objects;
}

const EXPECTED: Readonly<Record<string, string>> = {
  "not-yet-seen": "Progressing",
  "rolling-out": "Progressing",
  ready: "Healthy",
  "some-failed": "Degraded",
  unsupported: "Degraded",
  paused: "Suspended",
};

describe("the statuses", () => {
  it("are those that are expected here", () =>
    expect([...fixtures.keys()].sort()).toEqual(Object.keys(EXPECTED).sort()));

  it.each(Object.keys(EXPECTED))("%s is as our definitions want it", (name) => {
    for (const object of fixture(name)) {
      const check = object.apiVersion.startsWith("gander.dev/")
        ? checkPolicyStatusSchema
        : checkTracingPolicyStatusSchema;
      expect(check(object)).toEqual([]);
    }
  });
});

describe("the health of a policy", () => {
  it.each(Object.entries(EXPECTED))("that is %s is %s", (name, expected) => {
    const objects = fixture(name);
    const namespaced = objects.map((object) => ({ ...object, kind: `${object.kind}Namespaced` }));
    const kinds = new Set(objects.map(({ kind }) => kind));
    expect(kinds).toContain("TracingPolicy");
    expect(kinds).toContain("PolicyStatus");
    for (const health of healthOf([...objects, ...namespaced]))
      expect(health).toEqual({ status: expected, message: expect.stringMatching(/.{10}/) });
  });

  it("is not that of the version before", () => {
    const [policy] = fixture("ready");
    if (policy === undefined) throw new Error("There is no policy");
    const generation = (policy.metadata.generation ?? 0) + 1;
    const changed = { ...policy, metadata: { ...policy.metadata, generation } };
    expect(healthOf([changed])[0]?.status).toBe("Progressing");
  });

  it("is Progressing while it is deleted, and without any status", () => {
    const objects = fixture("ready").flatMap((object) => [
      { ...object, metadata: { ...object.metadata, deletionTimestamp: "2026-11-20T15:00:00Z" } },
      { ...object, status: {} },
      { ...object, status: undefined } as unknown as KubeObject,
    ]);
    expect(healthOf(objects).map(({ status }) => status)).toEqual(objects.map(() => "Progressing"));
  });
});

describe("the health of an Application", () => {
  const application = { apiVersion: "argoproj.io/v1alpha1", kind: "Application", metadata: {} };
  const synced = { status: "Synced" };
  const outOfSync = { status: "OutOfSync" };
  const healthy = { status: "Healthy" };
  const healthIn = (status: KubeObject["status"]) => {
    const [found] = healthOf([{ ...application, ...(status === undefined ? {} : { status }) }]);
    return found;
  };

  it("is what Argo CD found in its objects, once they are those of Git", () => {
    const degraded = { status: "Degraded", message: "x" };
    expect(healthIn({ health: healthy, sync: synced })).toMatchObject(healthy);
    expect(healthIn({ health: degraded, sync: synced })).toMatchObject(degraded);
    expect(healthIn({ health: degraded, sync: outOfSync })).toMatchObject(degraded);
  });

  it.each([
    ["nothing is known of it", undefined],
    ["its status is empty", {}],
    ["it was not compared yet", { health: healthy }],
    ["its old objects are healthy", { health: healthy, sync: outOfSync }],
    ["it has no objects", { health: { status: "Missing" }, sync: outOfSync }],
    [
      "it is being synced",
      { health: healthy, sync: outOfSync, operationState: { phase: "Running" } },
    ],
  ])("is Progressing while %s", (_, status) => {
    expect(healthIn(status)).toMatchObject({ status: "Progressing" });
  });

  it("is Degraded with the reason if its sync was refused", () => {
    const operationState = { phase: "Failed", message: "admission webhook denied the request" };
    expect(healthIn({ health: healthy, sync: outOfSync, operationState })).toMatchObject({
      status: "Degraded",
      message: operationState.message,
    });
  });
});

describe("the interpreter", () => {
  it("has no more than Argo CD lets scripts have", () => {
    const [object] = fixture("ready");
    if (object === undefined) throw new Error("There is no object");
    const scripts = [
      "return { status = 'Healthy', message = string.lower('X') }",
      "return { status = io.open('/etc/passwd') }",
      "while true do end",
      "return { status = 'Fine' }",
      "return 'Healthy'",
    ];
    for (const health of run(scripts.map((script) => ({ script, object }))))
      expect(health.error).toMatch(/.{10}/);
  });
});
