// SPDX-License-Identifier: Apache-2.0
// Attacks from inside a pod while its policies, its neighbours and the sensor itself change.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Attacker, moreAttacks, startAttacker } from "../../test/attacker.ts";
import {
  containerCgroup,
  guarded,
  makeCgroup,
  type PlainVersion,
  podCgroup,
  removeCgroup,
  startGuestNode,
  versionOf,
} from "../../test/guest-pods.ts";
import { addPolicy, policyText } from "../../test/guest-sensor.ts";

const name = "gander-pods-attack";
const ringBytes = 1 << 20;
type ChosenBy = NonNullable<PlainVersion["chosenBy"]>;

const victim = join(guarded, "victim");

async function attackFrom(cgroup: string, file: string): Promise<Attacker> {
  const attacker = await startAttacker(file);
  writeFileSync(join(cgroup, "cgroup.procs"), String(attacker.pid));
  return attacker;
}

/** Waits until the attacker has written this often from now on. */
async function moreWrites(attacker: Attacker, count: number): Promise<void> {
  const goal = attacker.succeeded() + count;
  for (let waited = 0; attacker.succeeded() < goal; waited += 20) {
    assert.ok(waited < 120_000, `the neighbour makes no progress at ${attacker.succeeded()}`);
    await sleep(20);
  }
}

/** Pod a always has `guard`, in new versions; the other policies are added and removed around it. */
function versionNumber(i: number, uid = "uid-guard"): PlainVersion {
  const others = Array.from({ length: 6 }, (_, n) => n).filter(
    (n) => (i >> (n % 3)) % (n + 2) === 0,
  );
  const pods: Record<string, readonly string[]> = {
    a: [uid, ...others.filter((n) => (i + n) % 2 === 0).map((n) => `uid-other-${n}`)],
    b: others.filter((n) => (i + n) % 3 === 0).map((n) => `uid-other-${n}`),
  };
  for (let n = 0; n < i % 5; n++) pods[`neighbour-${n}`] = n % 2 === 0 ? [uid] : [`uid-other-${n}`];
  return {
    policies: [
      { name: "guard", prefix: victim, generation: Math.floor(i / 2) + 1, uid },
      ...others.map((n) => ({
        ...{ name: `other-${n}`, prefix: join(guarded, `other-${n}`) },
        generation: i + 1,
      })),
    ],
    pods,
  };
}

for (const chosenBy of ["policy", "selector"] as const)
  test(`nothing gets through while policies, pods and groups change (by ${chosenBy})`, () =>
    attackWhileThingsChange(chosenBy));

async function attackWhileThingsChange(chosenBy: ChosenBy): Promise<void> {
  const version = (i: number, uid?: string) => versionOf({ ...versionNumber(i, uid), chosenBy });
  await using sensor = await startGuestNode({ name, ringBytes });
  const { node, policies } = sensor;
  const inA = makeCgroup(containerCgroup(podCgroup("a"), "one"));
  const inB = makeCgroup(containerCgroup(podCgroup("b"), "one"));
  for (let n = 0; n < 5; n++) makeCgroup(containerCgroup(podCgroup(`neighbour-${n}`), "one"));
  assert.deepEqual(await node.apply(version(0)), []);
  using attacker = await attackFrom(inA, victim);
  using neighbour = await attackFrom(inB, `${victim}-b`);
  attacker.begin();
  neighbour.begin();
  await moreAttacks(attacker, 100);
  for (let i = 1; i < 40; i++) {
    // Deleted and created again under its name: another UID.
    const uid = `uid-guard-${Math.floor(i / 8)}`;
    assert.deepEqual(await node.apply(version(i, uid)), []);
    if (i % 4 === 1) await addPolicy(policies, ofAFile(i));
    if (i % 4 === 3) await policies.remove({ name: "of-a-file", namespace: "", origin: "static" });
    if (i % 3 === 0) {
      // Into a cgroup that has just been created.
      const next = makeCgroup(join(inA, `nested-${i}/deeper`));
      writeFileSync(join(next, "cgroup.procs"), String(attacker.pid));
    }
    await moreAttacks(attacker, 20);
    await moreWrites(neighbour, 1);
  }
  const attacked = await attacker.stop();
  const wrote = await neighbour.stop().catch(() => undefined);
  assert.equal(attacked.succeeded, 0);
  assert.equal(wrote?.denied ?? neighbour.denied(), 0);
  console.log(`denied ${attacked.denied}; the neighbour wrote ${neighbour.succeeded()} times`);
  for (const pod of ["a", "b"]) await removeCgroup(podCgroup(pod));
}

async function startLoader(version: PlainVersion): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("../../test/pod-loader.ts", import.meta.url));
  const child = fork(script, [name, String(ringBytes), JSON.stringify(version)]);
  const [message] = await Promise.race([once(child, "message"), once(child, "exit")]);
  assert.equal(message, "ready");
  return child;
}

for (const [build, chosenBy] of [
  ["same", "policy"],
  ["same", "selector"],
  ["other", "policy"],
] as const) {
  test(`a killed sensor's successor of ${build === "same" ? "the same" : "another"} build leaves no gap (by ${chosenBy})`, async () => {
    const inA = makeCgroup(containerCgroup(podCgroup("a"), build));
    const inB = makeCgroup(containerCgroup(podCgroup("b"), build));
    const version = { ...versionNumber(0), pods: { a: ["uid-guard"], b: [] }, chosenBy };
    const loader = await startLoader(version);
    using attacker = await attackFrom(inA, victim);
    using neighbour = await attackFrom(inB, `${victim}-b`);
    attacker.begin();
    neighbour.begin();
    await moreAttacks(attacker, 100);
    loader.kill("SIGKILL");
    await once(loader, "exit");
    // A container created while no sensor runs.
    const made = makeCgroup(containerCgroup(podCgroup("a"), `${build} without a sensor`));
    writeFileSync(join(made, "cgroup.procs"), String(attacker.pid));
    await moreAttacks(attacker, 100);
    await using sensor = await startGuestNode({
      ...{ name, ringBytes: build === "same" ? ringBytes : 2 * ringBytes },
    });
    assert.equal(sensor.kernel.found, build);
    const { since } = sensor.node.counts();
    if (build === "same") {
      const [state] = sensor.policies.list();
      assert.deepEqual([state?.name, state?.origin, state?.revision], ["guard", "operator", 1]);
      // Before the operator's version is in force again: a policy of a file moves all to the other side.
      await addPolicy(sensor.policies, ofAFile(0));
      await moreAttacks(attacker, 50);
    }
    assert.deepEqual(await sensor.node.apply(versionOf(version)), []);
    await sensor.policies.started();
    await sensor.policies.releaseLeft({ operatorIsWhole: true });
    await moreAttacks(attacker, 50);
    for (let i = 1; i < 6; i++) {
      assert.deepEqual(await sensor.node.apply(versionOf({ ...versionNumber(i), chosenBy })), []);
      await moreAttacks(attacker, 20);
    }
    await moreWrites(neighbour, 10);
    const attacked = await attacker.stop();
    const wrote = await neighbour.stop();
    assert.equal(attacked.succeeded, 0);
    assert.equal(wrote.denied, 0);
    if (build === "same") {
      const [counts] = sensor.node.counts().policies.filter(({ uid }) => uid === "uid-guard");
      assert.equal(counts?.enforced, BigInt(attacked.denied));
      assert.equal(sensor.node.counts().since, since);
    }
    for (const pod of ["a", "b"]) await removeCgroup(podCgroup(pod));
  });
}

function ofAFile(i: number): string {
  return policyText(
    "of-a-file",
    `
kprobes:
- call: security_file_permission
  syscall: false
  message: version ${i}
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, operator: Prefix, values: ["${guarded}/static"] }
    matchActions: [{ action: Override, argError: -1 }]`,
  );
}
