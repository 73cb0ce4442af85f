// SPDX-License-Identifier: Apache-2.0
// matchWorkloads: selectors that are for some pods, containers or the host, whoever else has the policy.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkPolicy } from "@gander/policy";
import {
  codes,
  containerCgroup,
  guarded,
  makeCgroup,
  pod,
  podCgroup,
  startGuestNode,
  startInmate,
  until,
  writeBundle,
} from "../../../test/guest-pods.ts";
import type { NodePolicy } from "./node-version.ts";

const sensor = await startGuestNode({ name: "gander-workloads" });
after(() => sensor[Symbol.asyncDispose]());
const { node, policies, kernel } = sensor;

const file = (name: string) => join(guarded, name);
const nothing = { policies: [], pods: [] };
const deny = "[{ action: Override, argError: -1 }]";
const spare = "[{ action: NoPost }]";

/** Selectors on writes below `guarded`, each with what it matches and does. */
function choosing(
  name: string,
  selectors: readonly (readonly [workloads: string, actions: string, prefix?: string])[],
  { generation = 1, namespace = "", spec = "" } = {},
): NodePolicy {
  const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy${namespace === "" ? "" : "Namespaced"}
metadata: { name: ${name}${namespace === "" ? "" : `, namespace: ${namespace}`} }
spec:
  ${spec}
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
${selectors
  .map(
    ([workloads, actions, prefix = file(name)]) => `    - matchArgs:
      - { index: 0, operator: Prefix, values: ["${prefix}"] }
      - { index: 1, operator: Equal, values: ["2"] }
      ${workloads === "" ? "" : `matchWorkloads: ${workloads}`}
      matchActions: ${actions}
`,
  )
  .join("")}`;
  const { value, problems } = checkPolicy(text, { file: "test.yaml" });
  assert.ok(value?.[0], problems?.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  const { compiled } = value[0];
  return { uid: `uid-${name}`, generation, name, namespace, mode: "", compiled };
}

const ofApp = (app: string) => `{ podSelector: { matchLabels: { app: ${app} } } }`;

test("a selector is for the pods that it chooses, and follows their labels", async () => {
  const inA = makeCgroup(containerCgroup(podCgroup("a"), "one"));
  await using a = await startInmate(inA);
  await using b = await startInmate(makeCgroup(containerCgroup(podCgroup("b"), "one")));
  await using unknown = await startInmate(makeCgroup(containerCgroup(podCgroup("u"), "one")));
  await using host = await startInmate(undefined);
  const policy = choosing("labels", [[ofApp("a"), deny]]);
  const pods = (ofA: string, ofB: string) => [
    pod("a", [policy.uid], { app: ofA }),
    pod("b", [policy.uid], { app: ofB }),
  ];
  const writing = async () => [
    await a.writes(file("labels")),
    await b.writes(file("labels")),
    await unknown.writes(file("labels")),
    await host.writes(file("labels")),
  ];
  assert.deepEqual(await node.apply({ policies: [policy], pods: pods("a", "b") }), []);
  assert.deepEqual(await writing(), [false, true, true, true]);
  // What a container makes has what the container has, before user space hears of it.
  await using nested = await startInmate(makeCgroup(join(inA, "nested/deeper")));
  assert.equal(await nested.writes(file("labels")), false);
  assert.deepEqual(await node.apply({ policies: [policy], pods: pods("b", "a") }), []);
  assert.deepEqual(await writing(), [true, false, true, true]);
  assert.equal(await nested.writes(file("labels")), true);
  // The policy chooses others now.
  const changed = choosing("labels", [[ofApp("b"), deny]], { generation: 2 });
  await node.apply({ policies: [changed], pods: pods("b", "a") });
  assert.deepEqual(await writing(), [false, true, true, true]);
  // A selector that holds nowhere costs nothing: its calls are not even counted.
  const before = policies.list()[0]?.counters.hits ?? 0n;
  await host.writes(file("labels"));
  await b.writes(file("labels"));
  assert.equal(policies.list()[0]?.counters.hits, before);
  await a.writes(file("labels"));
  assert.ok((policies.list()[0]?.counters.hits ?? 0n) > before);
  await node.apply(nothing);
  assert.deepEqual(await writing(), [true, true, true, true]);
  assert.deepEqual([...kernel.cgroups.entries()], []);
});

test("an exception is for its pods alone: neither for the host nor for what is not known", async () => {
  await using a = await startInmate(makeCgroup(containerCgroup(podCgroup("xa"), "one")));
  await using b = await startInmate(makeCgroup(containerCgroup(podCgroup("xb"), "one")));
  await using unknown = await startInmate(makeCgroup(containerCgroup(podCgroup("xu"), "one")));
  await using host = await startInmate(undefined);
  const policy = choosing("spared", [
    [ofApp("a"), spare],
    ["", deny],
  ]);
  const pods = [pod("xa", [policy.uid], { app: "a" }), pod("xb", [policy.uid], { app: "b" })];
  assert.deepEqual(await node.apply({ policies: [policy], pods }), []);
  const writing = [a, b, unknown, host].map((one) => one.writes(file("spared")));
  assert.deepEqual(await Promise.all(writing), [true, false, false, false]);
  await node.apply(nothing);
});

test("the host is chosen by hostSelector, and with pods by both", async () => {
  await using a = await startInmate(makeCgroup(containerCgroup(podCgroup("ha"), "one")));
  await using b = await startInmate(makeCgroup(containerCgroup(podCgroup("hb"), "one")));
  await using host = await startInmate(undefined);
  const both = ofApp("a").replace("{", "{ hostSelector: {},");
  const policy = choosing("ofhost", [
    ["{ hostSelector: {} }", deny, file("host")],
    [both, deny, file("both")],
    [ofApp("a"), deny, file("pods")],
    ["{ podSelector: {} }", deny, file("any")],
    ["{ hostSelector: {}, podSelector: {}, containerSelector: {} }", deny, file("everything")],
  ]);
  const pods = [pod("ha", [policy.uid], { app: "a" }), pod("hb", [policy.uid])];
  assert.deepEqual(await node.apply({ policies: [policy], pods }), []);
  const names = ["host", "both", "pods", "any", "everything"];
  const denied = async (inmate: typeof host) => {
    const some: string[] = [];
    for (const name of names) if (!(await inmate.writes(file(name)))) some.push(name);
    return some;
  };
  assert.deepEqual(await denied(host), ["host", "both", "everything"]);
  assert.deepEqual(await denied(a), ["both", "pods", "any", "everything"]);
  assert.deepEqual(await denied(b), ["any", "everything"]);
  await node.apply(nothing);
});

test("a container that is not known yet is denied what the chosen one is, and spared nothing", async () => {
  const a = podCgroup("c");
  const cgroup = (name: string) => containerCgroup(a, name);
  writeBundle(cgroup("web"), "web", "nginx:1");
  writeBundle(cgroup("db"), "db", "postgres:1");
  await using web = await startInmate(makeCgroup(cgroup("web")));
  await using db = await startInmate(makeCgroup(cgroup("db")));
  await using late = await startInmate(makeCgroup(cgroup("late")));
  const ofWeb = `{ containerSelector: { matchLabels: { name: web } } }`;
  const policy = choosing("containers", [
    [ofWeb, spare, file("spared")],
    ["", deny, file("spared")],
    [ofWeb, deny, file("denied")],
  ]);
  await node.apply({ policies: [policy], pods: [pod("c", [policy.uid])] });
  const writing = async (inmate: typeof web) => [
    await inmate.writes(file("spared")),
    await inmate.writes(file("denied")),
  ];
  assert.deepEqual(await writing(web), [true, false]);
  assert.deepEqual(await writing(db), [false, true]);
  assert.deepEqual(await writing(late), [false, false]);
  // Decided without the fact, which is counted.
  const missing = () => policies.list()[0]?.counters.unknownProcess ?? 0n;
  const before = missing();
  assert.ok(before > 0n);
  writeBundle(cgroup("late"), "late", "postgres:2");
  await until(async () => await late.writes(file("denied")));
  assert.equal(await late.writes(file("spared")), false);
  const now = missing();
  assert.deepEqual(await writing(late), [false, true]);
  assert.equal(missing(), now);
  await node.apply(nothing);
});

test("a namespaced policy chooses among its own pods", async () => {
  await using a = await startInmate(makeCgroup(containerCgroup(podCgroup("na"), "one")));
  await using other = await startInmate(makeCgroup(containerCgroup(podCgroup("no"), "one")));
  const policy = choosing("tenant", [[ofApp("a"), deny]], { namespace: "default" });
  const labels = { app: "a" };
  const pods = [
    pod("na", [policy.uid], labels),
    { ...pod("no", [], labels), namespace: "elsewhere" },
  ];
  await node.apply({ policies: [policy], pods });
  assert.equal(await a.writes(file("tenant")), false);
  assert.equal(await other.writes(file("tenant")), true);
  await node.apply(nothing);
});

test("a version that cannot be attached leaves the one before with its own pods", async () => {
  await using a = await startInmate(makeCgroup(containerCgroup(podCgroup("fa"), "one")));
  const policy = choosing("fails", [[ofApp("a"), deny]]);
  const pods = [pod("fa", [policy.uid], { app: "a" })];
  await node.apply({ policies: [policy], pods });
  const { compiled, ...rest } = choosing("fails", [[ofApp("b"), deny]], { generation: 2 });
  const hooks = compiled.hooks.map((hook) => ({ ...hook, target: "security_none" }));
  const impossible = { ...rest, compiled: { ...compiled, digest: "sha256:other", hooks } };
  const exceptions = await node.apply({ policies: [impossible], pods });
  assert.deepEqual(codes(exceptions), ["uid-fails unsupported kernel-no-function"]);
  assert.equal(await a.writes(file("fails")), false);
  await node.apply(nothing);
});
