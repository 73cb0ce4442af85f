// SPDX-License-Identifier: Apache-2.0
// A program has only what the policies at its hook use. If a later policy uses more, another program takes its
// place: no call is missed, and none is counted twice.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { moreAttacks, startAttacker } from "../../test/attacker.ts";
import {
  addPolicy,
  assertCountsAddUp,
  drainTypes,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";
import { recordType } from "../link/abi.gen.ts";
import { allFeatures } from "../link/features.ts";

const folder = "/etc/gander-moved";
mkdirSync(folder, { recursive: true });
const options = { name: "moved-rules", detachUnusedAfterMs: 2000 };
let sensor = await startGuestSensor(options);
after(() => sensor[Symbol.asyncDispose]());

const guard = policyText(
  "guard",
  `
kprobes:
- call: security_file_permission
  syscall: false
  args:
  - index: 0
    type: file
  - index: 1
    type: int
  selectors:
  - matchArgs:
    - index: 0
      operator: Prefix
      values: ["${folder}/"]
    - index: 1
      operator: Equal
      values: ["2"]
    matchActions:
    - action: Override
      argError: -1
    - action: NoPost`,
);

/** Each needs one thing more at the same place; none concerns a call. */
const more = (name: string, filter: string, action = "") =>
  policyText(
    name,
    `
kprobes:
- call: security_file_permission
  syscall: false
  args:
  - index: 0
    type: file
  selectors:
  - matchPIDs:
    - { operator: In, values: [1] }
    ${filter}
    matchActions:
    - action: Override
      argError: -13
    ${action}`,
  );
const inPlace = [
  more("binaries", `matchBinaries: [{ operator: In, values: ["/opt/none"] }]`),
  more("search", `matchArgs: [{ index: 0, operator: SubString, values: ["/none"] }]`),
  more(
    "changes",
    `matchCapabilityChanges: [{ type: Effective, operator: In, values: [CAP_SYS_ADMIN] }]`,
  ),
];

const key = (name: string) => ({ name, namespace: "", origin: "static" }) as const;
/** What the programs where files are read and written lack; the policies have another hook besides. */
const lacks = () =>
  readdirSync(`/sys/fs/bpf/${options.name}`)
    .flatMap((build) => readdirSync(`/sys/fs/bpf/${options.name}/${build}/links`))
    .filter((link) => /^hook_.*(file_permission|umask)$/.test(link))
    .map((link) => sensor.kernel.policies.lacks(Number.parseInt(link.slice("hook_".length), 10)));

/** Hooks that no rule uses are detached soon. */
async function hooksAre(count: number): Promise<void> {
  for (let waited = 0; lacks().length !== count; waited += 20) {
    assert.ok(waited < 20_000, `${lacks().length} hooks are attached`);
    await sleep(20);
  }
}

test("a policy that uses more replaces the program, under attack", async () => {
  await addPolicy(sensor.policies, guard);
  const [lean = 0] = lacks();
  assert.notEqual(lean, 0);
  assert.notEqual(lean, allFeatures);
  using attacker = await startAttacker(`${folder}/target`);
  attacker.begin();
  await moreAttacks(attacker, 200);
  for (const text of inPlace) {
    const before = Math.min(...lacks());
    await addPolicy(sensor.policies, text);
    assert.ok(Math.min(...lacks()) < before, "it needs a program with more");
    await moreAttacks(attacker, 200);
    await hooksAre(1);
  }
  const { succeeded, denied } = await attacker.stop();
  assert.equal(succeeded, 0);
  const state = stateOf(sensor.policies, "guard");
  assert.equal(state.counters.denied, BigInt(denied));
  assertCountsAddUp(state);
  assert.equal(sensor.kernel.faults().FAULT_FEATURE, 0n);
});

test("… which the next sensor adopts, and replaces when it must", async () => {
  const before = lacks();
  await sensor.abandon();
  sensor = await startGuestSensor(options);
  assert.equal(sensor.kernel.found, "same");
  assert.deepEqual(lacks(), before);
  using attacker = await startAttacker(`${folder}/target`);
  attacker.begin();
  await moreAttacks(attacker, 100);
  await addPolicy(sensor.policies, more("limited", "", '- { action: Post, rateLimit: "1m" }'));
  await moreAttacks(attacker, 100);
  await hooksAre(1);
  assert.equal((await attacker.stop()).succeeded, 0);
  // A policy that uses less changes nothing.
  const now = lacks();
  assert.notDeepEqual(now, before);
  await sensor.policies.remove(key("binaries"));
  await addPolicy(sensor.policies, guard.replace("name: guard", "name: again"));
  assert.deepEqual(lacks(), now);
  for (const { name } of sensor.policies.list()) await sensor.policies.remove(key(name));
});

const umask = (name: string, call: string, rest: string) =>
  policyText(
    name,
    `
kprobes:
- call: ${call}
  ${rest}`,
  );

test("where a function returns, policies that need more get a program of their own", async () => {
  await hooksAre(0);
  const returns = (name: string, filter: string) =>
    umask(
      name,
      "sys_umask",
      `return: true
  returnArg: { index: 0, type: int }
  args: [{ index: 0, type: int }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["24"] }]
    ${filter}`,
    );
  await addPolicy(sensor.policies, returns("numbers", ""));
  await addPolicy(
    sensor.policies,
    returns("binaries", `matchBinaries: [{ operator: NotIn, values: ["/opt/none"] }]`),
  );
  assert.equal(lacks().length, 2);
  drainTypes(sensor.kernel);
  for (let i = 0; i < 100; i++) process.umask(0o30);
  for (const name of ["numbers", "binaries"]) {
    const state = stateOf(sensor.policies, name);
    assert.equal(state.counters.matched, 100n, name);
    assertCountsAddUp(state);
  }
  assert.equal(drainTypes(sensor.kernel).get(recordType.RECORD_HOOK), 200);
  await sensor.policies.remove(key("numbers"));
  await hooksAre(1);
});

test("policies that are added together get one program", async () => {
  for (const { name } of sensor.policies.list()) await sensor.policies.remove(key(name));
  await hooksAre(0);
  await Promise.all([guard, ...inPlace].map((text) => addPolicy(sensor.policies, text)));
  assert.equal(lacks().length, 1);
});
