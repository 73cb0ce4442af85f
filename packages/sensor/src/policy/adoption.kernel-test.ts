// SPDX-License-Identifier: Apache-2.0
// What happens to enforcement, counters and events when a sensor dies and another one starts.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Attacker, moreAttacks, startAttacker } from "../../test/attacker.ts";
import {
  addPolicy,
  assertCountsAddUp,
  type GuestSensor,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

const folder = "/etc/gander-guarded";
const name = "gander-adopt";
const ringBytes = 1 << 20;
mkdirSync(folder, { recursive: true });

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
      argError: -1`,
);

async function startLoader(bytes = ringBytes): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("../../test/loader.ts", import.meta.url));
  const child = fork(script, [name, String(bytes), guard]);
  const [message] = await Promise.race([once(child, "message"), once(child, "exit")]);
  assert.equal(message, "ready");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** A sensor was killed while an attack went on; the next one starts. */
async function afterKill(
  run: (attacker: Attacker, restart: () => Promise<GuestSensor>) => Promise<void>,
  spoil: () => void = () => {},
): Promise<void> {
  const loader = await startLoader();
  using attacker = await startAttacker(`${folder}/target`);
  attacker.begin();
  await moreAttacks(attacker, 500);
  await kill(loader);
  await moreAttacks(attacker, 500);
  spoil();
  await run(attacker, () => startGuestSensor({ name, ringBytes }));
}

test("a killed sensor's successor takes over policies, counters and rule ids exactly", () =>
  afterKill(async (attacker, restart) => {
    await using sensor = await restart();
    assert.equal(sensor.kernel.found, "same");
    const state = stateOf(sensor.policies, "guard");
    assert.deepEqual([state.state, state.mode, state.revision], ["enabled", "enforce", 1]);
    const rule = sensor.policies.rule(1);
    assert.equal(rule?.policyName, "guard");
    // The same text once more changes nothing; another policy moves all of them to the other side.
    assert.equal((await addPolicy(sensor.policies, guard)).revision, 1);
    await addPolicy(sensor.policies, guard.replace("name: guard", "name: second"));
    await sensor.policies.started();
    await moreAttacks(attacker, 200);
    const { succeeded, denied } = await attacker.stop();
    assert.equal(succeeded, 0);
    const { counters } = stateOf(sensor.policies, "guard");
    assert.equal(counters.denied, BigInt(denied));
    assertCountsAddUp(stateOf(sensor.policies, "guard"));
  }));

for (const [what, spoil] of [
  ["corrupt", () => writeFileSync(`/run/${name}/manifest`, "{}")],
  ["missing", () => writeFileSync(`/run/${name}/manifest`, "")],
] as const) {
  test(`with a ${what} manifest enforcement goes on, and stale rules go when policies come`, () =>
    afterKill(async (attacker, restart) => {
      await using sensor = await restart();
      assert.deepEqual(sensor.policies.list(), []);
      await moreAttacks(attacker, 100);
      await addPolicy(sensor.policies, guard);
      await sensor.policies.started();
      await moreAttacks(attacker, 100);
      await sensor.policies.remove({ name: "guard", namespace: "", origin: "static" });
      const { succeeded } = await attacker.stop();
      assert.ok(succeeded > 0, "the rules of the killed sensor are gone");
    }, spoil));
}

test("another build's policies hold until this one's do", () =>
  afterKill(async (attacker) => {
    // Another size of the ring counts as another build.
    await using sensor = await startGuestSensor({ name, ringBytes: 2 * ringBytes });
    assert.equal(sensor.kernel.found, "other");
    await sensor.policies.started();
    assert.equal(stateOf(sensor.policies, "guard").state, "enabled");
    assert.equal(readdirSync(`/sys/fs/bpf/${name}`).length, 2);
    await sensor.kernel.removeOtherBuilds();
    assert.equal(readdirSync(`/sys/fs/bpf/${name}`).length, 1);
    await moreAttacks(attacker, 200);
    const { succeeded } = await attacker.stop();
    assert.equal(succeeded, 0);
  }));

test("a clean stop takes everything away", async () => {
  const sensor = await startGuestSensor({ name, ringBytes });
  await addPolicy(sensor.policies, guard);
  await sensor[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(`/sys/fs/bpf/${name}`), []);
  assert.equal(existsSync(`/run/${name}/manifest`), false);
  writeFileSync(`${folder}/free`, "x");
});
