// SPDX-License-Identifier: Apache-2.0
// Processes of pods whose policies have not arrived: held, let go in time, and never left stopped.
import assert from "node:assert/strict";
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  cgroupRoot,
  containerCgroup,
  makeCgroup,
  type PlainVersion,
  pod,
  podCgroup,
  removeCgroup,
  startGuestNode,
  until,
  versionOf,
} from "../../../test/guest-pods.ts";
import { policyOf } from "../../../test/guest-sensor.ts";
import type { EarlyPodsOptions } from "./early-pods.ts";
import type { NodeVersion } from "./node-version.ts";

const folder = "/run/early-pods";
mkdirSync(folder, { recursive: true });
after(() => rmSync(folder, { recursive: true }));

// The kubelet makes them before any pod.
const roots = join(cgroupRoot, "kubepods.slice");
makeCgroup(join(roots, "kubepods-burstable.slice"));
const started: number[] = [];
after(async () => {
  for (const pid of started) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
  await removeCgroup(roots);
});

const slowMs = 300_000;
let next = 0;
/** The cgroup of a container in a pod that nothing has announced. */
const newCgroup = (name = `pod-${next++}`) => makeCgroup(containerCgroup(podCgroup(name), "one"));

/**
 * Runs commands in the cgroup: each in a shell of its own, whose exec is the first in the cgroup.
 * @returns their pids.
 */
async function start(cgroup: string, commands: readonly string[]): Promise<readonly number[]> {
  const lines = commands.map(
    (command) => `( echo $BASHPID >${cgroup}/cgroup.procs; exec sh -c '${command}' ) & echo $!`,
  );
  // A session of its own, as a container has: the kernel sends SIGHUP to an orphaned process group in which a
  // process is stopped, and the test is not to be in that group.
  const shell = spawn("bash", [], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  shell.stdin.end(`${lines.join("\n")}\n`);
  let text = "";
  for await (const chunk of shell.stdout.setEncoding("utf8")) {
    text += chunk;
    // The commands have the pipe as well: it does not end before them.
    if (text.split("\n").length > commands.length) break;
  }
  const pids = text.trim().split("\n").map(Number);
  started.push(...pids);
  return pids;
}

/** The state in proc_pid_stat(5); undefined: it has ended. */
function stateOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const state = text[text.lastIndexOf(")") + 2];
    return state === "Z" ? undefined : state;
  } catch {
    return undefined;
  }
}

const isStopped = (pid: number) => stateOf(pid) === "T";
const areStopped = (pids: readonly number[]) => until(() => pids.every(isStopped), slowMs);
const haveEnded = (pids: readonly number[]) =>
  until(() => pids.every((pid) => stateOf(pid) === undefined), slowMs);
const hasContent = (file: string) => existsSync(file) && statSync(file).size > 0;

/** Kills each writer of files below the folder. */
function killing(pods: readonly string[]): NodeVersion {
  const { compiled } = policyOf(`apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: kill }
spec:
  podSelector: { matchLabels: { app: "a" } }
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Prefix, values: ["${folder}/killed"] }
      - { index: 1, operator: Equal, values: ["2"] }
      matchActions: [{ action: Sigkill }]
`);
  return {
    policies: [{ uid: "uid-kill", generation: 1, name: "kill", namespace: "", mode: "", compiled }],
    pods: pods.map((name) => pod(name, ["uid-kill"])),
  };
}

const nothing: NodeVersion = { policies: [], pods: [] };
/** Patient, because the guest may be slow. */
const hold = (limitMs: number, patienceMs = 300_000): EarlyPodsOptions => ({
  ...{ mode: "hold", limitMs, patienceMs },
});

/** The first process of a pid namespace, whom no other signals stop. @returns its exit status and signal. */
async function startInit(cgroup: string, file: string): Promise<unknown[]> {
  const enter = `echo 0 >${cgroup}/cgroup.procs; exec sh -c "echo x >${file}"`;
  return once(spawn("unshare", ["-p", "-f", "bash", "-c", enter]), "exit");
}

test("100 processes of new pods execute nothing before their policies are in force", async () => {
  await using sensor = await startGuestNode({ name: "gander-hold", newPods: hold(300_000) });
  assert.deepEqual(await sensor.node.apply(nothing), []);
  const init = startInit(newCgroup("init"), `${folder}/init`);
  const names = Array.from({ length: 10 }, (_, n) => `held-${n}`);
  const pids: number[] = [];
  const files: string[] = [];
  for (const name of names) {
    const own = Array.from({ length: 10 }, (_, n) => join(folder, `killed-${name}-${n}`));
    pids.push(
      ...(await start(
        newCgroup(name),
        own.map((file) => `echo x >${file}`),
      )),
    );
    files.push(...own);
  }
  await areStopped(pids);
  await until(() => sensor.early?.counts().heldNow === 101, slowMs);
  await sleep(200);
  assert.deepEqual([...files, `${folder}/init`].filter(existsSync), []);
  assert.deepEqual(await sensor.node.apply(killing([...names, "init"])), []);
  await haveEnded(pids);
  assert.deepEqual(await init, [0, null]);
  assert.ok(hasContent(`${folder}/init`));
  assert.deepEqual(files.filter(hasContent), []);
  assert.deepEqual(
    { ...sensor.early?.counts(), limitMs: 0 },
    { mode: "hold", limitMs: 0, heldNow: 0, held: 101n, ranEarly: 0n },
  );
  const { policies } = sensor.node.counts();
  assert.equal(policies[0]?.enforced, 100n);
  // The pods are known now: nothing more is held in them.
  const [late = 0] = await start(newCgroup("held-0"), [`echo x >${folder}/free-0`]);
  await haveEnded([late]);
  assert.ok(hasContent(`${folder}/free-0`));
  assert.equal(sensor.early?.counts().held, 101n);
});

test("with observe a process runs, and its record says so", async () => {
  const newPods = { mode: "observe", limitMs: 1_000 } as const;
  await using sensor = await startGuestNode({ name: "gander-hold", newPods });
  assert.deepEqual(await sensor.node.apply(nothing), []);
  await haveEnded(await start(newCgroup("observed"), [`echo x >${folder}/observed`]));
  assert.ok(hasContent(`${folder}/observed`));
  assert.deepEqual(sensor.kernel.early.counts(), { held: 0n, early: 1n });
  assert.deepEqual(await sensor.node.apply(killing(["observed"])), []);
  await haveEnded(await start(newCgroup("observed"), ["true"]));
  assert.equal(sensor.kernel.early.counts().early, 1n);
});

test("a pod is held no longer than the limit, and what stops itself is not woken", async () => {
  const limitMs = 8_000; // Longer than a slow guest takes to start a process.
  await using sensor = await startGuestNode({ name: "gander-hold", newPods: hold(limitMs) });
  const late: number[] = [];
  sensor.early?.onLate((processes) => late.push(...processes.map(({ pid }) => pid)));
  assert.deepEqual(await sensor.node.apply(nothing), []);
  const cgroup = newCgroup("late");
  const before = performance.now();
  const stops = `echo x >${folder}/late; kill -STOP $$; echo x >${folder}/woken`;
  const first = await start(cgroup, [stops]);
  await areStopped(first);
  assert.ok(!hasContent(`${folder}/late`));
  await until(() => hasContent(`${folder}/late`), slowMs);
  assert.ok(performance.now() - before > limitMs / 2);
  await areStopped(first);
  assert.deepEqual(late, first);
  // The pod's time is over: its next processes run at once, also in a new cgroup.
  await haveEnded(await start(cgroup, [`echo x >${folder}/second`]));
  const { heldNow, held, ranEarly } = sensor.early?.counts() ?? {};
  assert.deepEqual([heldNow, held, ranEarly], [0, 1n, 2n]);
  await haveEnded(await start(makeCgroup(join(cgroup, "nested")), [`echo x >${folder}/third`]));
  assert.ok(hasContent(`${folder}/second`) && hasContent(`${folder}/third`));
  assert.equal(sensor.early?.counts().held, 1n);
  assert.deepEqual(await sensor.node.apply(killing(["late"])), []);
  await sleep(600);
  assert.ok(first.every(isStopped));
  assert.ok(!existsSync(`${folder}/woken`));
});

/** Longer than a slow guest takes to start a process. */
const loaderLimitMs = 20_000;
const loaderPatienceMs = 5_000;

async function startLoader(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("../../../test/pod-loader.ts", import.meta.url));
  const version: PlainVersion = { policies: [], pods: {} };
  assert.deepEqual(versionOf(version), nothing);
  const newPods = JSON.stringify(hold(loaderLimitMs, loaderPatienceMs));
  const options = [String(1 << 20), JSON.stringify(version), newPods];
  const child = fork(script, ["gander-hold", ...options], { detached: true });
  const [message] = await Promise.race([once(child, "message"), once(child, "exit")]);
  assert.equal(message, "ready");
  return child;
}

test("a sensor that hangs or is killed leaves nothing stopped, and holds nothing more", async () => {
  const loader = await startLoader();
  const write = async (name: string) =>
    (await start(newCgroup(), [`echo x >${folder}/${name}; exec sleep 1000`]))[0] ?? 0;
  const ran = (name: string) => until(() => hasContent(`${folder}/${name}`), slowMs);

  await areStopped([await write("hangs")]);
  loader.kill("SIGSTOP");
  const hungMs = await ran("hangs");
  assert.equal(stateOf(loader.pid ?? 0), "T");
  // More than its patience is over: nothing is held any more, and nothing has to be let go.
  await write("beside-hung");
  const besideMs = await ran("beside-hung");
  assert.ok(besideMs < loaderLimitMs / 2);
  loader.kill("SIGCONT");
  await sleep(1_000); // Its heart beats again.

  await areStopped([await write("killed")]);
  loader.kill("SIGKILL");
  const killedMs = await ran("killed");
  assert.ok(killedMs < loaderLimitMs / 2);
  await write("after");
  await ran("after");
  const [hung, killed] = [hungMs, killedMs].map(Math.round);
  console.log(`let go ${hung} ms after a stop (limit ${loaderLimitMs}), ${killed} ms after a kill`);

  // Whatever it left marked: the next sensor holds by its own option.
  await using sensor = await startGuestNode({ name: "gander-hold" });
  assert.equal(sensor.kernel.found, "same");
  const { held } = sensor.kernel.early.counts();
  await write("without");
  await ran("without");
  assert.deepEqual(sensor.kernel.early.held(), []);
  assert.equal(sensor.kernel.early.counts().held, held);
});
