// SPDX-License-Identifier: Apache-2.0
// Processes of which something lies where nobody ever answers: FUSE, userfaultfd. Nothing of the sensor waits.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type RunningAttack, run, startAttack } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";

const file = "/etc/guarded-from-the-silent";

/** Guards the file against all but what descends from a binary that nobody has. */
const following = (name: string, binary: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Equal, values: ["${file}"] }
      - { index: 1, operator: Equal, values: ["2"] }
      matchBinaries: [{ operator: NotIn, followChildren: true, values: ["${binary}"] }]
      matchActions: [{ action: Sigkill }]
`;

/** What an answer may take here: to start a program alone takes seconds under emulation. */
const soonMs = 60_000;

function answers(...argv: readonly string[]): void {
  const { status, output, errors } = run("gander", argv, soonMs);
  assert.equal(status, 0, `gander ${argv.join(" ")}: ${status} ${output} ${errors}`);
}

describe("processes that never answer", () => {
  const running: RunningAttack[] = [];
  let sensor: Sensor;
  const hold = async (way: string, count: number): Promise<void> => {
    const one = startAttack("silent-processes", way, String(count));
    running.push(one);
    const line = await one.nextLine();
    assert.equal(line, "ready", line === undefined ? (await one.ended()).errors : line);
  };
  before(async () => {
    run("modprobe", ["fuse"]);
    writeFileSync(file, "");
    // They are there before the sensor: what it tells of them at its start must not hold it, either.
    await hold("fuse", 1);
    await hold("userfaultfd", 2);
    sensor = await Sensor.start();
  });
  after(async () => {
    for (const one of running) one.process.kill("SIGKILL");
    await sensor?.[Symbol.asyncDispose]();
  });

  for (const [i, [way, count]] of (
    [
      ["fuse", 1],
      ["userfaultfd", 1],
      ["cwd", 1],
      ["exe", 1],
      ["fuse", 200],
    ] as const
  ).entries())
    test(`a policy that follows children comes while ${count} wait: ${way}`, async () => {
      await hold(way, count);
      const policy = `/tmp/following-${i}.yaml`;
      writeFileSync(policy, following(`following-${i}`, `/nobody/has/${i}`));
      answers("policy", "add", policy);
      answers("status");
      answers("policy", "list");
      run("bash", ["-c", `echo landed >> ${file}`]);
      assert.equal(statSync(file).size, 0, readFileSync(file, "utf8"));
      answers("policy", "delete", `following-${i}`);
    });

  test("events go on, and a restart with all of them there", async () => {
    await sensor.settled();
    await sensor.kill();
    await sensor.restart();
    answers("status");
    await sensor.settled();
    // Of one whose arguments can't be had, all the rest is told.
    const silent = sensor
      .events()
      .filter(({ process_exec }) => process_exec?.process.binary.endsWith("/attack"));
    assert.ok(silent.length > 200, String(silent.length));
  });

  test("the sensor stops as ever", async () => {
    assert.equal(await sensor.stop(), 0);
    assert.equal(gander("status").status, 1);
  });
});
