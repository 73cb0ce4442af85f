// SPDX-License-Identifier: Apache-2.0
// The policies that the chart installs, by Helm and before a real API server: they are those of the library,
// follow the values of the release, and go with it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLibrary, selectPolicies } from "../../packages/policy-test/src/library/index.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { createNamespace } from "./lib/cluster-objects.ts";
import { hasHelm, helm } from "./lib/helm.ts";
import { operatorNamespace as namespace } from "./lib/operator-process.ts";

const charts = join(import.meta.dirname, "../../charts");
const library = readLibrary();

type Stored = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly spec: { readonly options?: unknown; readonly values?: readonly string[] };
};

describe.skipIf(!hasHelm)("policies of the chart", () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await createNamespace(cluster.client, namespace);
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  function run(...argv: readonly string[]) {
    const { status, stderr } = spawnSync(helm, [...argv, "--namespace", namespace], {
      encoding: "utf8",
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    return { status, stderr };
  }
  const gander = (command: string, ...sets: readonly string[]) =>
    run(command, "gander", join(charts, "gander"), "--set", ["image.repository=x", ...sets].join());

  async function stored(kinds = "tracingpolicies,guardpolicies"): Promise<readonly Stored[]> {
    const { stdout } = await cluster.kubectl(["get", kinds, "--output=json"]);
    return JSON.parse(stdout).items;
  }
  const names = (some: readonly { readonly name: string }[]) => some.map(({ name }) => name).sort();
  const chosen = (...words: readonly string[]) => selectPolicies(library, words).value ?? [];

  it("need the definitions, and without them nothing is installed", async () => {
    const { status, stderr } = gander("install", "policies.packs={guard}");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/no matches for kind "(Guard|Tracing)Policy"/);
    const { stdout } = await cluster.kubectl(["get", "daemonsets", "-n", namespace, "-o", "name"]);
    expect(stdout).toBe("");
  });

  it("are in mode monitor at first", async () => {
    const definitions = run("install", "gander-crds", join(charts, "gander-crds"), "--wait");
    expect(definitions).toMatchObject({ status: 0 });
    expect(gander("install", "policies.packs={guard}")).toMatchObject({ status: 0 });
    const policies = await stored();
    expect(names(policies.map(({ metadata }) => metadata))).toEqual(names(chosen("guard")));
    for (const { spec } of policies)
      expect(spec.options).toEqual([{ name: "policy-mode", value: "monitor" }]);
  });

  it("enforce when the values say so, word for word as in the library", async () => {
    const sets = ["policies.packs={guard,strict,observe}", "policies.mode=enforce"];
    expect(gander("upgrade", ...sets)).toMatchObject({ status: 0 });
    const policies = await stored();
    expect(policies).toHaveLength(library.length);
    for (const { metadata, spec, kind } of policies) {
      const { object } = library.find(({ name }) => name === metadata.name) ?? {};
      expect({ kind, spec }, metadata.name).toEqual({ kind: object?.kind, spec: object?.spec });
    }
  });

  it("are compared with the library where they are", async () => {
    const main = join(import.meta.dirname, "../../packages/cli/src/main.ts");
    const diff = () => {
      const words = ["policy", "library", "diff", "--cluster", "--want", "guard,strict,observe"];
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [main, ...words, `--kubeconfig=${cluster.kubeconfig}`],
        { encoding: "utf8" },
      );
      return { status, stdout, stderr };
    };
    expect(diff()).toEqual({
      ...{ status: 0, stderr: "", stdout: `${library.length} as in the library\n` },
    });
    const patch = [{ op: "replace", path: "/spec/kprobes/0/args/0/index", value: 1 }];
    await cluster.kubectl([
      ...["patch", "tracingpolicy/io-uring", "--type=json", "-p", JSON.stringify(patch)],
    ]);
    const { status, stdout } = diff();
    expect(status).toBe(1);
    expect(stdout).toContain("io-uring (the cluster) differs");
  });

  it("bring the sets that they name, with values of the cluster's own", async () => {
    const values = "policies.sets.internal-networks={10.0.0.0/8}";
    expect(gander("upgrade", "policies.packs={network}", values)).toMatchObject({ status: 0 });
    const sets = await stored("valuesets");
    expect(names(sets.map(({ metadata }) => metadata))).toEqual([
      "cloud-metadata",
      "internal-networks",
    ]);
    expect(sets.find(({ metadata }) => metadata.name === "internal-networks")?.spec.values).toEqual(
      ["10.0.0.0/8"],
    );
  });

  it("go when they are no longer chosen, and with the release", async () => {
    expect(gander("upgrade", "policies.packs={mining}")).toMatchObject({ status: 0 });
    expect(names((await stored()).map(({ metadata }) => metadata))).toEqual(["mining"]);
    expect(await stored("valuesets")).toEqual([]);
    // Its hook has a test of its own: uninstall.e2e.ts.
    expect(run("uninstall", "gander", "--no-hooks")).toMatchObject({ status: 0 });
    expect(await stored()).toEqual([]);
  });

  it("leave a policy of that name alone that something else has made", async () => {
    const mining = library.find(({ name }) => name === "mining");
    await cluster.kubectl(["create", "-f", "-"], { input: mining?.text ?? "" });
    const { status, stderr } = gander("install", "policies.packs={mining}");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/mining.*(exists|conflict)/s);
  });
});
