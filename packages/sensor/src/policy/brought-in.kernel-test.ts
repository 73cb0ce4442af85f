// SPDX-License-Identifier: Apache-2.0
// matchPIDs with followForks and isNamespacePID: what a container's first process has started is told from what
// was brought into the container, whatever a process does to hide where it comes from.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addPolicy, startGuestSensor, stateOf, umaskPolicy } from "../../test/guest-sensor.ts";

const call = "sh -c 'umask 030; :'; :";

const running: ChildProcess[] = [];
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** Runs a shell that waits for a line before it makes the call. */
async function startWaiting(...command: [string, ...string[]]): Promise<ChildProcess> {
  const [program, ...rest] = command;
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
  running.push(child);
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  return child;
}

async function goOn(child: ChildProcess): Promise<void> {
  child.stdin?.end("\n");
  await once(child, "exit");
}

const container = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c"] as const;
const waiting = (script: string) => `echo; read x; ${script}`;

/** The host's PID of the only child. */
function childOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
}

/** A container whose first process waits; the PID of that. */
async function startContainer(): Promise<{ first: string; process: ChildProcess }> {
  const process = await startWaiting(...container, waiting(call));
  return { first: childOf(process.pid), process };
}

const enter = (first: string) => ["nsenter", "--target", first, "--pid"] as const;

// Before the sensor starts.
const before = await startContainer();
const broughtBefore = await startWaiting(...enter(before.first), "sh", "-c", waiting(call));

const { kernel, policies, ...sensor } = await startGuestSensor({ name: "gander-brought-in" });
after(() => sensor[Symbol.asyncDispose]());
kernel.scanTasks();

const follow = (operator: string, values: string) =>
  `matchPIDs: [{ operator: ${operator}, isNamespacePID: true, followForks: true, values: [${values}] }]`;
const property = (operator: string, value: string) =>
  `matchProcess: [{ property: InInitTree, operator: ${operator}, values: ["${value}"] }]`;
const filters = {
  "not-0-1": follow("NotIn", "0, 1"),
  "not-1": follow("NotIn", "1"),
  "in-0": follow("In", "0"),
  "in-1": follow("In", "1"),
  outside: property("In", "false"),
  "not-inside": property("NotIn", "true"),
  inside: property("In", "true"),
} as const;
const counted = Object.keys(filters) as readonly (keyof typeof filters)[];

// Before the policies are there.
const { first, process: own } = await startContainer();
// Its parent ends before there is a policy: both are the first process's children then.
const orphan = (signal: string) =>
  `(sh -c "echo; until test -e ${signal}; do sleep 0.1; done; ${call}" &)`;
const [ownSignal, broughtSignal] = ["/tmp/own-orphan", "/tmp/brought-orphan"];
await startWaiting(...container, `${orphan(ownSignal)}; sleep 1000`);
const parent = await startWaiting(...enter(first), "sh", "-c", `${orphan(broughtSignal)}; exit 0`);
if (parent.exitCode === null) await once(parent, "exit");

for (const name of counted) await addPolicy(policies, umaskPolicy(name, filters[name]));

type Matched = Record<(typeof counted)[number], number>;

/** Decisions without knowing the process. */
const unknownProcesses = () =>
  counted.reduce((sum, name) => sum + stateOf(policies, name).counters.unknownProcess, 0n);

const matched = (): Matched =>
  Object.fromEntries(
    counted.map((name) => [name, Number(stateOf(policies, name).counters.matched)]),
  ) as Matched;

/** What one call of umask(030) by the action makes the policies count. */
async function countOf(action: () => unknown): Promise<Matched> {
  const [then, unknown] = [matched(), unknownProcesses()];
  await action();
  const difference = () =>
    Object.fromEntries(counted.map((name) => [name, matched()[name] - then[name]])) as Matched;
  for (let waited = 0; waited < 20_000; waited += 50) {
    if (Object.values(difference()).some((count) => count > 0)) break;
    await sleep(50);
  }
  assert.equal(unknownProcesses(), unknown);
  return difference();
}

const none = Object.fromEntries(counted.map((name) => [name, 0])) as Matched;
/** In no container: the property has no value. */
const ofHost: Matched = { ...none, "in-0": 1, "in-1": 1 };
const ofContainer: Matched = { ...none, "in-1": 1, inside: 1 };
const broughtIn: Matched = { ...none, "not-0-1": 1, "not-1": 1, outside: 1, "not-inside": 1 };

const run = (...[program, ...rest]: readonly [string, ...string[]]) => {
  assert.equal(spawnSync(program, rest, { stdio: ["ignore", "ignore", "inherit"] }).status, 0);
};

test("the host's processes descend from its PIDs 0 and 1", async () => {
  assert.deepEqual(await countOf(() => run("sh", "-c", call)), ofHost);
});

test("what the first process of a container starts descends from it", async () => {
  assert.deepEqual(await countOf(() => run(...container, call)), ofContainer);
});

test("the first process itself", async () => {
  assert.deepEqual(await countOf(() => run(...container, "umask 030; :")), ofContainer);
});

test("what is brought in does not", async () => {
  assert.deepEqual(await countOf(() => run(...enter(first), "sh", "-c", call)), broughtIn);
});

test("a PID 1 of its own does not help it", async () => {
  const nested = () => run(...enter(first), ...container, call);
  assert.deepEqual(await countOf(nested), broughtIn);
  const twice = `unshare --pid --fork sh -c "unshare --pid --fork sh -c 'umask 030; :'; :"; :`;
  assert.deepEqual(await countOf(() => run(...enter(first), "sh", "-c", twice)), broughtIn);
});

test("nor does losing its parent, so that the first process adopts it", async () => {
  const script = `(sh -c 'sleep 0.3; umask 030; :' &) ; exit 0`;
  assert.deepEqual(await countOf(() => run(...enter(first), "sh", "-c", script)), broughtIn);
});

test("nor does setsid, or a session's end", async () => {
  const script = `setsid --fork setsid --fork sh -c 'sleep 0.3; umask 030; :'; exit 0`;
  assert.deepEqual(await countOf(() => run(...enter(first), "sh", "-c", script)), broughtIn);
});

test("nested namespaces of the container's own belong to it; what enters them stays what it is", async () => {
  const outer = await startWaiting(...container, "unshare --pid --fork sh -c 'echo; read x'; :");
  const outerFirst = childOf(outer.pid);
  const innerFirst = childOf(Number(childOf(Number(outerFirst))));
  const toInner = `nsenter --target ${innerFirst} --pid sh -c 'umask 030; :'; :`;
  // By the host's /proc, so the PIDs are those of the host.
  assert.deepEqual(await countOf(() => run(...enter(outerFirst), "sh", "-c", toInner)), broughtIn);
  assert.deepEqual(await countOf(() => run(...enter(innerFirst), "sh", "-c", call)), broughtIn);
  await goOn(outer);
  const own = "unshare --pid --fork sh -c 'sh -c \"umask 030; :\"; :'; :";
  assert.deepEqual(await countOf(() => run(...container, own)), ofContainer);
});

test("orphans whose parents ended before the policies came are known", async () => {
  assert.deepEqual(await countOf(() => writeFileSync(broughtSignal, "")), broughtIn);
  assert.deepEqual(await countOf(() => writeFileSync(ownSignal, "")), ofContainer);
});

test("so is what ran before the policies", async () => {
  assert.deepEqual(await countOf(() => goOn(own)), ofContainer);
});

test("what ran before the sensor is known by its parents", async () => {
  assert.deepEqual(await countOf(() => goOn(broughtBefore)), broughtIn);
  assert.deepEqual(await countOf(() => goOn(before.process)), ofContainer);
});
