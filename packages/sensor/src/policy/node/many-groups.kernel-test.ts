// SPDX-License-Identifier: Apache-2.0
// 4,096 cgroups, each with other policies: each has its own, while they change and over the death of a sensor, and
// memory grows and shrinks with their number.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Attacker, moreAttacks, startAttacker } from "../../../test/attacker.ts";
import {
  cgroupRoot,
  denying,
  type GuestNode,
  guarded,
  type Inmate,
  makeCgroup,
  pod,
  podCgroup,
  removeCgroup,
  startGuestNode,
  startInmate,
  until,
} from "../../../test/guest-pods.ts";
import { limits } from "../../link/abi.gen.ts";
import type { NodeVersion } from "./node-version.ts";

const name = "gander-many-groups";
let sensor: GuestNode = await startGuestNode({ name });
after(() => sensor[Symbol.asyncDispose]());

const bits = 13;
const most = 4096;
const file = (bit: number) => join(guarded, `many-${String(bit).padStart(2, "0")}`);
const selectors = 'podSelector: { matchLabels: { app: "a" } }';
const policies = Array.from({ length: bits }, (_, bit) =>
  denying(`many-${bit}`, file(bit), { selectors }),
);
const has = (combination: number, bit: number) => ((combination >> bit) & 1) === 1;
const uidsOf = (combination: number) =>
  policies.flatMap(({ uid }, bit) => (has(combination, bit) ? [uid] : []));

/** By pod: its combination of policies, as bits. */
type Combinations = readonly number[];
const versionOf = (combinations: Combinations): NodeVersion => ({
  policies,
  pods: combinations.map((combination, i) => pod(`pod-${i}`, uidsOf(combination))),
});
const cgroupOf = (i: number) => podCgroup(`pod-${i}`);

const first: Combinations = Array.from({ length: most }, (_, i) => i + 1);
/** All change, the highest stays the highest, and who had policy 0 keeps it. */
const second: Combinations = first.map((one) => (one === most ? one : one ^ 0b0101_0101_0100));
const sampled = [0, 254, 255, 256, 511, 2047, most - 2, most - 1];

let inmate: Inmate;
before(async () => {
  const start = performance.now();
  for (let i = 0; i < most; i++) makeCgroup(cgroupOf(i));
  console.log(`${most} cgroups made in ${Math.round(performance.now() - start)} ms`);
  inmate = await startInmate(undefined);
});
after(async () => {
  await inmate[Symbol.asyncDispose]();
  await removeCgroup(join(cgroupRoot, "kubepods.slice"));
});

/** What a process in the cgroup can't write to, as bits. */
async function deniedIn(cgroup: string): Promise<number> {
  writeFileSync(join(cgroup, "cgroup.procs"), String(inmate.pid));
  let denied = 0;
  for (let bit = 0; bit < bits; bit++) if (!(await inmate.writes(file(bit)))) denied |= 1 << bit;
  writeFileSync(join(cgroupRoot, "cgroup.procs"), String(inmate.pid));
  return denied;
}

async function assertEnforced(combinations: Combinations): Promise<void> {
  for (const i of sampled)
    assert.equal(await deniedIn(cgroupOf(i)), combinations[i], `of pod ${i}`);
}

async function apply(combinations: Combinations) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const exceptions = await sensor.node.apply(versionOf(combinations));
  const { user, system } = process.cpuUsage(cpu);
  const figures = [performance.now() - start, (user + system) / 1000].map(Math.round);
  console.log(`applied in ${figures[0]} ms, ${figures[1]} ms of CPU`);
  return exceptions;
}

const pageBytes = () =>
  Object.entries(sensor.kernel.memory().maps)
    .filter(([map]) => /_pages_\d+$/.test(map))
    .reduce((sum, [, bytes]) => sum + bytes, 0);

test("each of 4,096 cgroups has its own combination of policies", async () => {
  assert.equal(pageBytes(), 0);
  assert.deepEqual(await apply(first), []);
  const numbers = new Set([...sensor.kernel.cgroups.entries()].map(([, number]) => number));
  assert.equal(numbers.size, most + 1);
  console.log(`pages: ${pageBytes()} B`);
  await assertEnforced(first);
});

test("all of them change at once, and none is for a moment without what it keeps", async () => {
  const attackers: Attacker[] = [];
  for (const i of [256, most - 2]) {
    const attacker = await startAttacker(join(guarded, `many-00-${i}`));
    writeFileSync(join(cgroupOf(i), "cgroup.procs"), String(attacker.pid));
    attacker.begin();
    attackers.push(attacker);
  }
  for (const attacker of attackers) await moreAttacks(attacker, 100);
  assert.deepEqual(await apply(second), []);
  for (const attacker of attackers) await moreAttacks(attacker, 100);
  for (const attacker of attackers) {
    assert.equal((await attacker.stop()).succeeded, 0);
    attacker[Symbol.dispose]();
  }
  await assertEnforced(second);
});

test("a sensor that is killed leaves them in force, and its successor goes on with them", async () => {
  const bytes = pageBytes();
  const counted = () =>
    new Map(sensor.node.counts().policies.map(({ uid, enforced }) => [uid, Number(enforced)]));
  const numbers = new Map(sensor.kernel.cgroups.entries());
  const enforced = counted();
  await sensor.abandon();
  await assertEnforced(second);
  sensor = await startGuestNode({ name });
  assert.equal(sensor.kernel.found, "same");
  assert.equal(pageBytes(), bytes);
  assert.deepEqual(await apply(second), []);
  assert.deepEqual(new Map(sensor.kernel.cgroups.entries()), numbers);
  for (const [bit, { uid }] of policies.entries()) {
    const meanwhile = sampled.filter((i) => has(second[i] ?? 0, bit)).length;
    assert.equal(counted().get(uid), (enforced.get(uid) ?? 0) + meanwhile, uid);
  }
});

test("a combination for which there is no number is refused by name, and others stay", async () => {
  const more = Array.from({ length: 300 }, (_, i) => most + 1 + i);
  for (const i of more.keys()) makeCgroup(cgroupOf(most + i));
  const exceptions = await apply([...second, ...more]);
  assert.ok(exceptions.length > 0);
  for (const { code, state, message } of exceptions) {
    assert.deepEqual([code, state], ["policy-groups", "failed"]);
    assert.match(message, new RegExp(`more than ${limits.MAX_GROUPS - 1} combinations`));
  }
  const numbers = new Set([...sensor.kernel.cgroups.entries()].map(([, number]) => number));
  assert.equal(numbers.size, limits.MAX_GROUPS - 1);
  await assertEnforced([...second, ...more]);
});

test("when none is left, the memory is given back", async () => {
  assert.deepEqual(await sensor.node.apply({ policies: [], pods: [] }), []);
  await until(() => pageBytes() === 0);
  assert.deepEqual([...sensor.kernel.cgroups.entries()], []);
  assert.equal(await deniedIn(cgroupOf(0)), 0);
});
