// SPDX-License-Identifier: Apache-2.0
// Where `bpf` is no active LSM a preempted task makes the kernel skip the program for all others on its CPU.
// What lands then is no secret: it is counted, in the policy's state, and in the log.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { run, startAttack } from "./lib/attack.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { policyCounters } from "./lib/policy-counters.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const lsmFile = "/sys/kernel/security/lsm";
const preemption = "/sys/kernel/debug/sched/preempt";
const guarded = "/var/tmp/guarded";

/** As if the machine was booted so; gives back how to undo it. */
function bootWithoutLsm(): () => void {
  mkdirSync("/var/tmp/boot", { recursive: true });
  writeFileSync("/var/tmp/boot/lsm", "capability,landlock,yama");
  assert.equal(run("mount", ["--bind", "/var/tmp/boot/lsm", lsmFile]).status, 0);
  const isMounted = existsSync(preemption);
  if (!isMounted) run("mount", ["-t", "debugfs", "debugfs", "/sys/kernel/debug"]);
  const [, before = ""] = /\((\w+)\)/.exec(readFileSync(preemption, "utf8")) ?? [];
  writeFileSync(preemption, "full");
  return () => {
    writeFileSync(preemption, before);
    if (!isMounted) run("umount", ["/sys/kernel/debug"]);
    run("umount", [lsmFile]);
    for (const left of [guarded, "/var/tmp/boot", "/var/tmp/deep"])
      rmSync(left, { recursive: true, force: true });
  };
}

const deep = `/var/tmp/deep${"/d".repeat(1800)}`;

/** Tasks that are preempted in the middle of the program, as they read long paths and come last. */
function idleWriters(count: number): readonly ChildProcess[] {
  mkdirSync(deep, { recursive: true });
  const script = 'while :; do echo x; done > "$1"';
  return Array.from({ length: count }, (_, i) =>
    spawn("chrt", ["--idle", "0", "bash", "-c", script, "bash", `${deep}/f${i}`], {
      stdio: "ignore",
    }),
  );
}

describe("calls that the kernel skips", () => {
  let sensor: Sensor;
  let writers: readonly ChildProcess[] = [];
  let bootAsBefore = () => {};
  before(async () => {
    bootAsBefore = bootWithoutLsm();
    writeFileSync(guarded, "");
    const actions = ["- action: Sigkill"];
    const policies = { "guard.yaml": plainPolicy({ name: "guard", prefix: guarded, actions }) };
    sensor = await Sensor.start({ policies });
  });
  after(async () => {
    for (const writer of writers) writer.kill("SIGKILL");
    await sensor?.[Symbol.asyncDispose]();
    bootAsBefore();
  });

  test("are counted, and nothing lands that is not", { timeout: 400_000 }, async () => {
    writers = idleWriters(24);
    const loop = startAttack("loop-write", "20", "2", guarded);
    for (let line = await loop.nextLine(); line !== undefined; line = await loop.nextLine());
    for (const writer of writers) writer.kill("SIGKILL");
    const landed = readFileSync(guarded, "utf8").split("\n").length - 1;
    const { missed, hits } = policyCounters("guard");
    console.log(JSON.stringify({ landed, missed, hits }));
    assert.ok(missed > 0, "nothing was skipped: this test shows nothing");
    assert.ok(landed <= missed, `${landed} writes landed, ${missed} calls were skipped`);
  });

  test("are in the policy's state, in the status and in the log", async () => {
    const { output } = gander("policy", "list");
    assert.match(output, /^guard: \d+ calls of the hooked functions were not judged/m);
    assert.match(gander("status").output, /^not judged: \d+ calls skipped by the kernel/m);
    await waitUntil("the log says so", () => {
      assert.match(sensor.log(), /A policy could not judge all calls/);
      return true;
    });
  });

  test("are known to the next sensor", { timeout: 300_000 }, async () => {
    const before = policyCounters("guard").missed;
    await sensor.kill();
    await sensor.restart();
    assert.ok(policyCounters("guard").missed >= before);
  });
});
