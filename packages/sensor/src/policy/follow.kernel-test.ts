// SPDX-License-Identifier: Apache-2.0
// Selectors that follow children and forks also cover processes that ran before the policy was added.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addPolicy, startGuestSensor, stateOf, umaskPolicy } from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor({ name: "gander-follow", detachUnusedAfterMs: 100 });
const { kernel, policies } = sensor;
after(() => sensor[Symbol.asyncDispose]());

// A separate binary: bash is an ancestor of everything in the guest.
const shell = "/tmp/followed-shell";
copyFileSync("/usr/bin/bash", shell);

const waiting: ChildProcess[] = [];
after(() => {
  for (const child of waiting) child.kill("SIGKILL");
});

/** Waits for a line on its standard input, so that it runs before a policy is added. */
async function startWaiting(...command: [string, string, string]): Promise<ChildProcess> {
  const [program, ...rest] = command;
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
  waiting.push(child);
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  return child;
}

async function goOn(child: ChildProcess): Promise<void> {
  child.stdin?.end("\n");
  await once(child, "exit");
}

test("children of a binary are followed, those that ran before the policy, too", async () => {
  // A parent that will have a child, and one that already has one.
  const parent = await startWaiting(shell, "-c", "echo; read x; sh -c 'umask 030'; true");
  const child = await startWaiting(shell, "-c", "sh -c 'echo; read x; umask 030'; true");
  const matched = () => stateOf(policies, "children").counters.matched;
  const binaries =
    "matchBinaries: [{ operator: In, followChildren: true, values: [/tmp/followed-shell] }]";
  await addPolicy(policies, umaskPolicy("children", binaries));
  spawnSync("sh", ["-c", "umask 030"]);
  assert.equal(matched(), 0n);
  spawnSync(shell, ["-c", "sh -c 'umask 030'; true"]);
  assert.equal(matched(), 1n);
  await goOn(parent);
  assert.equal(matched(), 2n);
  await goOn(child);
  assert.equal(matched(), 3n);
  await policies.remove({ name: "children", namespace: "", origin: "static" });
});

test("forks of a process are followed", async () => {
  const filter = `matchPIDs: [{ operator: In, followForks: true, values: [${process.pid}] }]`;
  await addPolicy(policies, umaskPolicy("forks", filter));
  spawnSync("bash", ["-c", "sh -c 'umask 030'; true"]);
  assert.equal(stateOf(policies, "forks").counters.matched, 1n);
  await policies.remove({ name: "forks", namespace: "", origin: "static" });
});

test("a hook that no policy uses is detached after a while", async () => {
  for (let waited = 0; kernel.policies.attachedHooks().size > 0; waited += 50) {
    assert.ok(waited < 30_000, "the hook is still attached");
    await sleep(50);
  }
  await addPolicy(policies, umaskPolicy("again", "matchActions: [{ action: Post }]"));
  process.umask(0o30);
  assert.equal(stateOf(policies, "again").counters.matched, 1n);
});
