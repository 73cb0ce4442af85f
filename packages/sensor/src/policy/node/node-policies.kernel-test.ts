// SPDX-License-Identifier: Apache-2.0
// Policies of the operator: which pods have them, and that no pod is ever without.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  codes,
  containerCgroup,
  type Driver,
  denying,
  guarded,
  makeCgroup,
  pod,
  podCgroup,
  removeCgroup,
  startGuestNode,
  startInmate,
  until,
  writeBundle,
} from "../../../test/guest-pods.ts";
import { addPolicy, policyOf, policyText } from "../../../test/guest-sensor.ts";

const sensor = await startGuestNode({ name: "gander-pods" });
after(() => sensor[Symbol.asyncDispose]());
const { node, policies, kernel } = sensor;

const file = (name: string) => join(guarded, name);
const forPods = 'podSelector: { matchLabels: { app: "a" } }';
const nothing = { policies: [], pods: [] };

for (const driver of ["systemd", "cgroupfs", "nested"] as const satisfies Driver[]) {
  test(`a policy for pod A is for A alone (${driver})`, async () => {
    const [a, b] = [podCgroup(`a-${driver}`, driver), podCgroup(`b-${driver}`, driver)];
    const inA = makeCgroup(containerCgroup(a, "one"));
    const inB = makeCgroup(containerCgroup(b, "one"));
    await using processA = await startInmate(inA);
    await using processB = await startInmate(inB);
    await using host = await startInmate(undefined);
    const policy = denying(`for-a-${driver}`, guarded, { selectors: forPods });
    const exceptions = await node.apply({
      policies: [policy],
      pods: [pod(`a-${driver}`, [policy.uid]), pod(`b-${driver}`, [])],
    });
    assert.deepEqual(exceptions, []);
    assert.equal(await processA.writes(file("one")), false);
    assert.equal(await processB.writes(file("one")), true);
    assert.equal(await host.writes(file("one")), true);
    // A nested cgroup, and a container created later.
    const nested = makeCgroup(join(inA, "nested/deeper"));
    await using deep = await startInmate(nested);
    assert.equal(await deep.writes(file("one")), false);
    const later = makeCgroup(containerCgroup(a, "two"));
    await using second = await startInmate(later);
    assert.equal(await second.writes(file("one")), false);
    // The label moves from A to B.
    const moved = await node.apply({
      policies: [policy],
      pods: [pod(`a-${driver}`, []), pod(`b-${driver}`, [policy.uid])],
    });
    assert.deepEqual(moved, []);
    assert.equal(await processA.writes(file("one")), true);
    assert.equal(await deep.writes(file("one")), true);
    assert.equal(await processB.writes(file("one")), false);
    await node.apply(nothing);
    assert.equal(await processB.writes(file("one")), true);
    assert.deepEqual([...kernel.cgroups.entries()], []);
  });
}

test("a policy that is wanted and can't be read goes on as it is", async () => {
  const policy = denying("unreadable", guarded, { selectors: forPods });
  await using inmate = await startInmate(
    makeCgroup(containerCgroup(podCgroup("unreadable"), "one")),
  );
  const told = pod("unreadable", [policy.uid], { app: "a" });
  await node.apply({ policies: [policy], pods: [told] });
  assert.equal(await inmate.writes(file("one")), false);
  await node.apply({ policies: [], unreadable: [policy.uid, "unknown"], pods: [told] });
  assert.equal(await inmate.writes(file("one")), false);
  assert.equal(node.generationInForce(policy.uid), policy.generation);
  assert.equal(node.generationInForce("unknown"), 0);
  await node.apply(nothing);
  assert.equal(await inmate.writes(file("one")), true);
});

test("a new cgroup has its pod's policies before user space hears of it", async () => {
  const a = makeCgroup(podCgroup("kernel"));
  const policy = denying("kernel", guarded, { selectors: forPods });
  await node.apply({ policies: [policy], pods: [pod("kernel", [policy.uid])] });
  const before = new Map(kernel.cgroups.entries());
  // In one turn of the event loop: nothing has read the ring.
  const made = Array.from({ length: 200 }, (_, i) => makeCgroup(join(a, `kernel-${i}/inner`)));
  const now = new Map(kernel.cgroups.entries());
  assert.equal(now.size, before.size + 400);
  assert.equal(new Set([...now.values()].slice(-400)).size <= 2, true);
  await using inside = await startInmate(made[150]);
  assert.equal(await inside.writes(file("kernel")), false);
  await inside[Symbol.asyncDispose]();
  await removeCgroup(a);
  await until(() => [...kernel.cgroups.entries()].length === before.size - 1);
  await node.apply(nothing);
});

test("a pod that comes later has its policies soon", async () => {
  const policy = denying("later", guarded, { selectors: forPods });
  await node.apply({ policies: [policy], pods: [pod("later", [policy.uid])] });
  const took: number[] = [];
  for (let i = 0; i < 5; i++) {
    const cgroup = makeCgroup(containerCgroup(podCgroup("later"), `c${i}`));
    await using inside = await startInmate(cgroup);
    took.push(await until(async () => !(await inside.writes(file("later")))));
    await inside[Symbol.asyncDispose]();
    await removeCgroup(podCgroup("later"));
  }
  console.log(
    `after the first process of a new pod: ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`,
  );
  await node.apply(nothing);
});

test("host, all pods, unknown pods, and policies of files each have what is for them", async () => {
  const [known, unknown] = [podCgroup("known"), podCgroup("unknown")];
  await using inKnown = await startInmate(makeCgroup(containerCgroup(known, "one")));
  await using inUnknown = await startInmate(makeCgroup(containerCgroup(unknown, "one")));
  await using host = await startInmate(undefined);
  const hostOnly = denying("host", file("host"), { selectors: "hostSelector: {}" });
  const everything = denying("everything", file("everything"));
  const selected = denying("selected", file("selected"), { selectors: forPods });
  const both = denying("both", file("both"), { selectors: `hostSelector: {}\n  ${forPods}` });
  const namespaced = denying("namespaced", file("namespaced"), { namespace: "default" });
  await addPolicy(policies, staticPolicy("of-a-file", file("static")));
  const wanted = [hostOnly, everything, selected, both, namespaced];
  const uids = [everything.uid, selected.uid, both.uid, namespaced.uid];
  assert.deepEqual(await node.apply({ policies: wanted, pods: [pod("known", uids)] }), []);
  const names = ["host", "everything", "selected", "both", "namespaced", "static"];
  const writable = async (inmate: typeof host) => {
    const can: string[] = [];
    for (const name of names) if (await inmate.writes(file(name))) can.push(name);
    return can;
  };
  assert.deepEqual(await writable(host), ["selected", "namespaced"]);
  assert.deepEqual(await writable(inKnown), ["host"]);
  assert.deepEqual(await writable(inUnknown), ["host", "selected", "both", "namespaced"]);
  await policies.remove({ name: "of-a-file", namespace: "", origin: "static" });
  assert.deepEqual(await writable(inKnown), ["host", "static"]);
  await node.apply(nothing);
  assert.deepEqual(await writable(inKnown), names);
});

test("a container selector is for that container, and for one that is not known yet", async () => {
  const a = podCgroup("containers");
  const cgroup = (name: string) => containerCgroup(a, name);
  for (const [name, image] of [
    ["web", "nginx:1"],
    ["db", "postgres:1"],
  ] as const)
    writeBundle(cgroup(name), name, image);
  await using web = await startInmate(makeCgroup(cgroup("web")));
  await using db = await startInmate(makeCgroup(cgroup("db")));
  await using late = await startInmate(makeCgroup(cgroup("late")));
  const byName = denying("by-name", file("name"), {
    selectors: "containerSelector: { matchLabels: { name: web } }",
  });
  const byRepo = denying("by-repo", file("repo"), {
    selectors:
      "containerSelector: { matchExpressions: [{ key: repo, operator: In, values: [postgres] }] }",
  });
  await node.apply({
    policies: [byName, byRepo],
    pods: [pod("containers", [byName.uid, byRepo.uid])],
  });
  assert.deepEqual([await web.writes(file("name")), await web.writes(file("repo"))], [false, true]);
  assert.deepEqual([await db.writes(file("name")), await db.writes(file("repo"))], [true, false]);
  assert.deepEqual(
    [await late.writes(file("name")), await late.writes(file("repo"))],
    [false, false],
  );
  writeBundle(cgroup("late"), "late", "postgres:2");
  await until(async () => await late.writes(file("name")));
  assert.equal(await late.writes(file("repo")), false);
  await node.apply(nothing);
});

test("what fails leaves the version in force, and holds nothing else back", async () => {
  const a = podCgroup("fails");
  await using inside = await startInmate(makeCgroup(containerCgroup(a, "one")));
  const good = denying("good", file("good"), { selectors: forPods });
  const pods = [pod("fails", [good.uid, "uid-broken", "uid-never"], { app: "a" })];
  const first = denying("broken", file("broken"), { selectors: forPods });
  await node.apply({ policies: [good, first], pods });
  const broken = denying("broken", file("elsewhere"), {
    ...{ selectors: forPods, generation: 2, call: "security_file_permissionn" },
  });
  const never = denying("never", file("never"), { call: "security_file_permissionn" });
  const better = denying("good", file("better"), { selectors: forPods, generation: 2 });
  const exceptions = await node.apply({ policies: [better, broken, never], pods });
  assert.deepEqual(codes(exceptions), [
    "uid-broken unsupported kernel-no-function",
    "uid-never unsupported kernel-no-function",
  ]);
  assert.deepEqual(
    exceptions.map(({ runningGeneration }) => runningGeneration),
    [1, 0],
  );
  assert.equal(await inside.writes(file("broken")), false);
  assert.equal(await inside.writes(file("good")), true);
  assert.equal(await inside.writes(file("better")), false);
  // The version in force selects by its own text: the pod has another label now.
  await node.apply({ policies: [better, broken], pods: [pod("fails", [good.uid], { app: "b" })] });
  assert.equal(await inside.writes(file("broken")), true);
  const states = policies
    .list()
    .map(({ name, origin, state, revision }) => [name, origin, state, revision]);
  assert.deepEqual(states, [
    ["broken", "operator", "enabled", 1],
    ["good", "operator", "enabled", 2],
  ]);
  assert.match(policies.list()[0]?.error ?? "", /^Failed, still running revision 1: /);
  await node.apply(nothing);
  assert.deepEqual(policies.list(), []);
});

test("modes come from the operator, and nobody changes its policies here", async () => {
  const a = podCgroup("modes");
  await using inside = await startInmate(makeCgroup(containerCgroup(a, "one")));
  const enforcing = denying("modes", guarded, { selectors: forPods });
  const pods = [pod("modes", [enforcing.uid])];
  await node.apply({ policies: [{ ...enforcing, mode: "monitor" }], pods });
  assert.equal(await inside.writes(file("modes")), true);
  assert.equal(policies.list()[0]?.mode, "monitor");
  await node.apply({ policies: [enforcing], pods });
  assert.equal(await inside.writes(file("modes")), false);
  const key = { name: "modes", namespace: "", origin: "operator" } as const;
  for (const result of [
    await policies.remove(key),
    await policies.setMode(key, "monitor"),
    await policies.setEnabled(key, "disabled"),
  ])
    assert.match(result.problems?.[0]?.message ?? "", /it comes from the cluster/);
  // A policy of the same name may come from a file as well.
  const own = policyOf(staticPolicy("modes", file("own")));
  assert.equal((await policies.add(own, "static")).value?.origin, "static");
  assert.equal(policies.list().length, 2);
  await policies.remove({ ...key, origin: "static" });
  assert.equal(await inside.writes(file("modes")), false);
  await node.apply(nothing);
});

test("counts add up, and outlive versions of the policy", async () => {
  const a = podCgroup("counts");
  await using inside = await startInmate(makeCgroup(containerCgroup(a, "one")));
  const policy = (generation: number) =>
    denying("counts", file("counts"), {
      selectors: forPods,
      generation,
      message: `v${generation}`,
    });
  const counts = () => {
    const [only] = node.counts().policies;
    assert.ok(only);
    const { hits, emitted, filtered, suppressed, lost, unevaluated } = only;
    assert.equal(hits, emitted + filtered + suppressed + lost + unevaluated);
    return only;
  };
  const { since } = node.counts();
  for (let generation = 1; generation <= 3; generation++) {
    await node.apply({ policies: [policy(generation)], pods: [pod("counts", ["uid-counts"])] });
    const before = counts();
    for (let i = 0; i < 10; i++) assert.equal(await inside.writes(file("counts")), false);
    const now = counts();
    assert.equal(now.enforced, before.enforced + 10n);
    assert.equal(now.emitted + now.lost, before.emitted + before.lost + 10n);
    assert.ok(now.hits >= before.hits + 10n);
  }
  assert.equal(counts().enforced, 30n);
  assert.equal(node.counts().since, since);
  await node.apply(nothing);
});

function staticPolicy(name: string, prefix: string): string {
  return policyText(
    name,
    `
kprobes:
- call: security_file_permission
  syscall: false
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, operator: Prefix, values: ["${prefix}"] }
    - { index: 1, operator: Equal, values: ["2"] }
    matchActions: [{ action: Override, argError: -1 }]`,
  );
}
