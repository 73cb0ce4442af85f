// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { createLogger } from "@gander/base";
import {
  applyObject,
  applyStatus,
  createEventRecorder,
  createObject,
  deleteObject,
  type KubeObject,
  unfenced,
} from "@gander/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { createNamespace } from "./lib/cluster-objects.ts";
import { until } from "./lib/until.ts";

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane();
  await createNamespace(cluster.client, "apply");
  await cluster.kubectl(["apply", "-f", "charts/gander-crds/generated"]);
  const names = ["crd/tracingpolicies.cilium.io", "crd/policystatuses.gander.dev"];
  await cluster.kubectl(["wait", "--for=condition=Established", ...names]);
});
afterAll(() => cluster[Symbol.asyncDispose]());

const configMaps = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
const policies = {
  group: "cilium.io",
  version: "v1alpha1",
  plural: "tracingpolicies",
  kind: "TracingPolicy",
};
const manager = (fieldManager: string) => ({ permit: unfenced, fieldManager });

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

function apply(
  name: string,
  data: Readonly<Record<string, string>>,
  options: Parameters<typeof applyObject>[3],
) {
  const object = { metadata: { namespace: "apply", name }, data };
  return applyObject<ConfigMap>(cluster.client, configMaps, object, options);
}

describe("applying objects", () => {
  it("creates, changes, and gives up what is left out", async () => {
    const created = await apply("one", { a: "1", b: "1" }, manager("gander"));
    const changed = await apply("one", { a: "2" }, manager("gander"));
    expect(changed.data).toEqual({ a: "2" });
    expect(changed.metadata.uid).toBe(created.metadata.uid);
    const again = await apply("one", { a: "2" }, manager("gander"));
    expect(again.metadata.resourceVersion).toBe(changed.metadata.resourceVersion);
  });

  it("names managers and fields of a conflict, and takes over when asked", async () => {
    await apply("contested", { a: "theirs", b: "theirs" }, manager("argo"));
    const error = await apply("contested", { a: "ours", b: "theirs" }, manager("gander")).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({
      code: "kube-field-conflict",
      causes: [{ field: ".data.a", message: expect.stringContaining('"argo"') }],
    });
    const options = { ...manager("gander"), onConflict: "take" } as const;
    expect((await apply("contested", { a: "ours" }, options)).data).toEqual({
      a: "ours",
      b: "theirs",
    });
  });

  it("tries without storing", async () => {
    const options = { ...manager("gander"), mode: "dry-run" } as const;
    expect((await apply("tried", { a: "1" }, options)).data).toEqual({ a: "1" });
    const { stdout } = await cluster.kubectl(["get", "configmaps", "-n", "apply", "-o", "name"]);
    expect(stdout).not.toContain("tried");
  });

  it("refuses a stale version, and a successor of the same name", async () => {
    const { metadata } = await apply("stale", { a: "1" }, manager("gander"));
    await apply("stale", { a: "2" }, manager("gander"));
    for (const demanded of [
      { resourceVersion: metadata.resourceVersion },
      { uid: "00000000-0000-0000-0000-000000000000" },
    ]) {
      const object = { metadata: { namespace: "apply", name: "stale", ...demanded }, data: {} };
      await expect(
        applyObject(cluster.client, configMaps, object, manager("gander")),
      ).rejects.toMatchObject({ code: "kube-conflict" });
    }
  });

  it("creates only what isn't there, and deletes only what was meant", async () => {
    const place = { namespace: "apply", name: "once" };
    const create = () =>
      createObject<KubeObject>(cluster.client, configMaps, { metadata: place }, manager("gander"));
    const { metadata } = await create();
    await expect(create()).rejects.toMatchObject({ code: "kube-already-exists" });
    const writer = { permit: unfenced };
    const another = { ...place, uid: "00000000-0000-0000-0000-000000000000" };
    await expect(deleteObject(cluster.client, configMaps, another, writer)).rejects.toMatchObject({
      code: "kube-conflict",
    });
    await deleteObject(cluster.client, configMaps, { ...place, uid: metadata.uid }, writer);
    await deleteObject(cluster.client, configMaps, place, writer);
    expect((await create()).metadata.uid).not.toBe(metadata.uid);
  });
});

const policy = (name: string) => ({
  metadata: { name },
  spec: {
    kprobes: [{ call: "fd_install", syscall: false, args: [{ index: 0, type: "int" }] }],
  },
});

const status = {
  mode: "monitor-only",
  revision: 3,
  nodes: { ready: 1, total: 2, readyOfTotal: "1/2" },
  hits: 7,
  enforced: 0,
  lost: 1,
  conditions: [
    {
      type: "Ready",
      status: "False",
      observedGeneration: 1,
      reason: "NodesFailed",
      message: "one of 2 nodes has it",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ],
};

type Policy = KubeObject & {
  readonly metadata: { readonly generation: number };
  readonly spec: unknown;
  readonly status?: unknown;
};

describe("a policy's status", () => {
  it("is written beside the spec, and stays when the spec changes", async () => {
    const gander = manager("gander");
    const before = await applyObject<Policy>(cluster.client, policies, policy("p"), gander);
    const { metadata } = before;
    const object = { metadata: { name: "p", uid: metadata.uid }, status };
    const after = await applyStatus<Policy>(cluster.client, policies, object, manager("status"));
    expect(after.metadata.generation).toBe(metadata.generation);
    expect(after.spec).toEqual(before.spec);
    expect(after.status).toMatchObject(status);
    const changed = policy("p");
    const [probe] = changed.spec.kprobes;
    if (probe !== undefined) probe.call = "security_file_permission";
    const latest = await applyObject<Policy>(cluster.client, policies, changed, gander);
    expect(latest.metadata.generation).toBe(metadata.generation + 1);
    expect(latest.status).toMatchObject(status);
  });

  it("is refused with the field that the schema doesn't know", async () => {
    await applyObject(cluster.client, policies, policy("q"), manager("gander"));
    const object = { metadata: { name: "q" }, status: { ...status, stat: 1 } };
    await expect(
      applyStatus(cluster.client, policies, object, manager("status")),
    ).rejects.toMatchObject({
      code: "kube-invalid",
      causes: [{ field: "status.stat", message: "field not declared in schema" }],
    });
    const wrong = { metadata: { name: "q" }, status: { ...status, mode: "sometimes" } };
    await expect(
      applyStatus(cluster.client, policies, wrong, manager("status")),
    ).rejects.toMatchObject({
      code: "kube-invalid",
      causes: expect.arrayContaining([expect.objectContaining({ field: "status.mode" })]),
    });
  });

  it("is refused for a policy that isn't there", async () => {
    const object = { metadata: { name: "none" }, status };
    await expect(
      applyStatus(cluster.client, policies, object, manager("status")),
    ).rejects.toMatchObject({ code: "kube-not-found" });
  });
});

describe("Events", () => {
  it("tell transitions, and count what comes again", async () => {
    const { metadata } = await applyObject<Policy>(
      cluster.client,
      policies,
      policy("told"),
      manager("gander"),
    );
    const recorder = createEventRecorder(
      { client: cluster.client, logger: createLogger({ write: () => {} }) },
      { controller: "gander.dev/operator", instance: "operator-1", permit: () => unfenced },
    );
    const controller = new AbortController();
    const running = recorder.run({ signal: controller.signal });
    const record = (reason: string, type: "Normal" | "Warning") =>
      recorder.record({
        regarding: {
          apiVersion: "cilium.io/v1alpha1",
          kind: "TracingPolicy",
          name: "told",
          uid: metadata.uid,
        },
        aspect: "Ready",
        type,
        reason,
        action: "Report",
        note: `it is ${reason}`,
      });
    for (const turn of [1, 2, 3]) {
      record("NodesFailed", "Warning");
      record("AllReady", "Normal");
      await recorder.drain({ signal: controller.signal });
      expect(recorder.counters()).toMatchObject({ recorded: 2 * turn, dropped: 0 });
    }
    const { stdout } = await cluster.kubectl(["events", "--for=tracingpolicy/told", "-A"]);
    expect(stdout).toMatch(
      /\(x3 over .*\) +Warning +NodesFailed +TracingPolicy\/told +it is NodesFailed/,
    );
    expect(stdout).toMatch(/\(x3 over .*\) +Normal +AllReady +TracingPolicy\/told +it is AllReady/);
    controller.abort();
    await running;
  });
});

describe("kubectl", () => {
  it("applies the definitions plainly, again without a change", async () => {
    const folder = "charts/gander-crds/generated";
    const { stdout } = await cluster.kubectl(["apply", "-f", folder]);
    expect(stdout.trim().split("\n")).toHaveLength(readdirSync(folder).length);
    for (const line of stdout.trim().split("\n")) expect(line).toMatch(/ unchanged$/);
  });

  it("explains every level of a policy", async () => {
    // The API server describes a new kind a moment after it has accepted it.
    const explain = (path: string) =>
      until(`kubectl can explain ${path}`, () =>
        cluster.kubectl(["explain", path]).then(
          ({ stdout }) => stdout,
          () => undefined,
        ),
      );
    expect(await explain("tracingpolicy")).toMatch(/KIND: +TracingPolicy\n/);
    expect(await explain("tracingpolicy.spec.kprobes.selectors.matchArgs.operator")).toMatch(
      /FIELD: operator <string>/,
    );
    expect(await explain("policystatus.status.nodes")).toMatch(/readyOfTotal\t?.*-required-/);
  });

  it("shows how a policy fares", async () => {
    await applyObject(cluster.client, policies, policy("shown"), manager("gander"));
    const get = async (...words: string[]) =>
      (await cluster.kubectl(["get", "tracingpolicies", "shown", ...words])).stdout
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/ {2,}/));
    expect((await get())[0]).toEqual([
      "NAME",
      ...["MODE", "READY", "REVISION", "HITS", "ENFORCED", "LOST", "AGE", "REASON"],
    ]);
    const object = { metadata: { name: "shown" }, status };
    await applyStatus(cluster.client, policies, object, manager("status"));
    const [headings = [], row = []] = await get("-o", "wide");
    expect(headings.slice(-2)).toEqual(["REASON", "MESSAGE"]);
    expect(row.slice(0, 7)).toEqual(["shown", "monitor-only", "1/2", "3", "7", "0", "1"]);
    expect(row.slice(-2)).toEqual(["NodesFailed", "one of 2 nodes has it"]);
    const categories = await cluster.kubectl(["get", "gander", "-o", "name"]);
    expect(categories.stdout).toContain("tracingpolicy.cilium.io/shown");
  });

  it("waits for a condition", async () => {
    await applyObject(cluster.client, policies, policy("awaited"), manager("gander"));
    const wait = ["wait", "--for=condition=Ready", "tracingpolicy/awaited", "--timeout=60s"];
    const waiting = cluster.kubectl(wait);
    const ready = [{ ...status.conditions[0], status: "True", reason: "AllReady" }];
    const object = { metadata: { name: "awaited" }, status: { ...status, conditions: ready } };
    await applyStatus(cluster.client, policies, object, manager("status"));
    await expect(waiting).resolves.toMatchObject({
      stdout: expect.stringContaining("condition met"),
    });
  });
});
