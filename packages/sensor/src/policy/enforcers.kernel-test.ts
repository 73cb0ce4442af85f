// SPDX-License-Identifier: Apache-2.0
// NotifyEnforcer at one hook, and what the enforcers of the policy do to that call, and to no other.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { after, afterEach, test } from "node:test";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor({ name: "gander-enforcers" });
const { kernel, policies } = sensor;
after(() => sensor[Symbol.asyncDispose]());

const program = "/tmp/makes-folders";
copyFileSync("/usr/bin/mkdir", program);
const folder = "/tmp/made";
const EPERM = 1;

const added: string[] = [];
afterEach(async () => {
  for (const name of added.splice(0))
    await policies.remove({ name, namespace: "", origin: "static" });
  rmSync(folder, { recursive: true, force: true });
});

async function add(name: string, spec: string): Promise<void> {
  await addPolicy(policies, policyText(name, spec));
  added.push(name);
}

const counters = (name: string) => {
  const { notified, wouldNotify, denied, killed, enforceFailed } = stateOf(policies, name).counters;
  return [notified, wouldNotify, denied, killed, enforceFailed].map(Number);
};

function makeFolder(by = program) {
  const { status, signal, stderr } = spawnSync(by, [folder], {
    encoding: "utf8",
    env: { LC_ALL: "C" },
  });
  return { status, signal, stderr, made: existsSync(folder) };
}

/** In a process that first calls umask(030). */
function makeAfterUmask() {
  const script = `process.umask(0o30); require("node:fs").mkdirSync(${JSON.stringify(folder)})`;
  return { ...spawnSync(process.execPath, ["-e", script]), made: existsSync(folder) };
}

const ofProgram = `matchBinaries: [{ operator: In, values: [${program}] }]`;
const enforcers = (...calls: string[]) => `enforcers:\n- calls: [${calls.join(", ")}]`;
const notify = (how: string) => `matchActions: [{ action: NotifyEnforcer, ${how} }]`;

/** Where every system call begins. 83 is mkdir, 258 mkdirat. */
const atEntry = (how: string) => `
tracepoints:
- subsystem: raw_syscalls
  event: sys_enter
  args: [{ index: 4, type: syscall64 }]
  selectors:
  - matchArgs: [{ index: 0, operator: InMap, values: ["83", "258"] }]
    ${ofProgram}
    ${notify(how)}`;

const atFunction = (call: string, actions: string) => `
- call: ${call}
  syscall: ${call.startsWith("sys_")}
  selectors:
  - ${ofProgram}
    ${actions}`;

test("a call that a tracepoint has marked returns the error", async () => {
  await add("entry", `${enforcers("security_inode_mkdir")}${atEntry("argError: -13")}`);
  const denied = makeFolder();
  assert.match(denied.stderr, /Permission denied/);
  assert.deepEqual([denied.status, denied.made], [1, false]);
  assert.deepEqual(counters("entry"), [1, 0, 1, 0, 0]);
  assert.deepEqual(makeFolder("/usr/bin/mkdir").made, true);
  assert.deepEqual(counters("entry"), [1, 0, 1, 0, 0]);
});

test("so does one that a function within the call has marked", async () => {
  const hooks = `kprobes:${atFunction("security_path_mkdir", notify(`argError: -${EPERM}`))}`;
  await add("within", `${enforcers("security_inode_mkdir")}\n${hooks}`);
  assert.match(makeFolder().stderr, /Operation not permitted/);
  assert.deepEqual(counters("within"), [1, 0, 1, 0, 0]);
});

test("a function with a return value marks once, at its entry", async () => {
  const call = `
- call: security_path_mkdir
  syscall: false
  return: true
  returnArg: { index: 0, type: int }
  selectors:
  - ${ofProgram}
    ${notify("argError: -13")}`;
  await add("returns", `${enforcers("security_inode_mkdir")}\nkprobes:${call}`);
  assert.equal(makeFolder().made, false);
  assert.deepEqual(counters("returns"), [1, 0, 1, 0, 0]);
});

test("and one that is marked where it is stopped", async () => {
  const hooks = `kprobes:${atFunction("security_inode_mkdir", notify("argError: -13"))}`;
  await add("same", `${enforcers("security_inode_mkdir")}\n${hooks}`);
  assert.equal(makeFolder().made, false);
  assert.deepEqual(counters("same"), [1, 0, 1, 0, 0]);
  const lsm = `
lsmhooks:
- hook: inode_mkdir
  selectors:
  - ${ofProgram}
    ${notify("argError: -13")}`;
  await add("same-lsm", `${enforcers("security_inode_mkdir")}${lsm}`);
  await policies.remove({ name: "same", namespace: "", origin: "static" });
  assert.equal(makeFolder().made, false);
  assert.deepEqual(counters("same-lsm"), [1, 0, 1, 0, 0]);
  added.splice(0, 1);
});

test("a signal ends the process, also at a system call", async () => {
  await add("signal", `${enforcers("sys_mkdir", "sys_mkdirat")}${atEntry("argSig: 9")}`);
  assert.equal(makeFolder().signal, "SIGKILL");
  assert.deepEqual(counters("signal"), [1, 0, 0, 1, 0]);
});

test("a kill at a function of the kernel also denies", async () => {
  await add("kill", `${enforcers("security_inode_mkdir")}${atEntry("argSig: 9")}`);
  const { signal, made } = makeFolder();
  assert.deepEqual([signal, made], ["SIGKILL", false]);
});

test("a later call of the thread is not stopped", async () => {
  const umask = `kprobes:
- call: sys_umask
  args: [{ index: 0, type: int }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["24"] }]
    ${notify("argError: -13")}`;
  await add("stale", `${enforcers("security_inode_mkdir")}\n${umask}`);
  assert.equal(makeAfterUmask().made, true);
  assert.deepEqual(counters("stale"), [1, 0, 0, 0, 0]);
});

test("everything that the call does is stopped", async () => {
  const signals = `kprobes:
- call: sys_kill
  args: [{ index: 1, type: int }]
  selectors:
  - matchArgs: [{ index: 1, operator: Equal, values: ["12"] }]
    ${notify("argError: -1")}`;
  await add("all", `${enforcers("security_task_kill")}\n${signals}`);
  const waits = `require("node:child_process").spawn("sleep", ["60"]).on("spawn", () => console.log());`;
  const group = spawn(process.execPath, ["-e", waits], { detached: true });
  try {
    await once(group.stdout, "data");
    // One call for both processes of the group.
    assert.equal(spawnSync("sh", ["-c", `kill -12 -${group.pid}`]).status, 1);
    assert.deepEqual(counters("all"), [1, 0, 2, 0, 0]);
  } finally {
    process.kill(-(group.pid ?? 0), "SIGKILL");
  }
});

test("a mark can be removed", async () => {
  const cleanup = "matchActions: [{ action: CleanupEnforcerNotification }, { action: NoPost }]";
  const hooks = `kprobes:${atFunction("security_path_mkdir", cleanup)}`;
  const spec = `${enforcers("security_inode_mkdir")}${atEntry("argError: -13")}\n${hooks}`;
  await add("cleaned", spec);
  assert.equal(makeFolder().made, true);
  assert.deepEqual(counters("cleaned"), [1, 0, 0, 0, 0]);
});

test("mode monitor does nothing", async () => {
  const options = "options:\n- { name: policy-mode, value: monitor }\n";
  const spec = `${options}${enforcers("security_inode_mkdir")}${atEntry("argError: -13")}`;
  await add("monitored", spec);
  assert.equal(makeFolder().made, true);
  assert.deepEqual(counters("monitored"), [0, 1, 0, 0, 0]);
});

test("each policy has its own marks, of which a call has room for four", async () => {
  const notifying = `kprobes:${atFunction("sys_mkdir", notify("argError: -13"))}${atFunction("sys_mkdirat", notify("argError: -13"))}`;
  // Its enforcer is at another call.
  await add("own-1", `${enforcers("security_inode_rmdir")}\n${notifying}`);
  const never = atEntry("argError: -13").replaceAll(program, "/nowhere");
  await add("own-2", `${enforcers("security_inode_mkdir")}${never}`);
  assert.equal(makeFolder().made, true);
  rmSync(folder, { recursive: true });
  for (const n of [3, 4])
    await add(`own-${n}`, `${enforcers("security_inode_rmdir")}\n${notifying}`);
  await add("own-5", `${enforcers("security_inode_mkdir")}\n${notifying}`);
  assert.equal(makeFolder().status, 1);
  assert.deepEqual(counters("own-5"), [1, 0, 1, 0, 0]);
  await add("own-6", `${enforcers("security_inode_mkdir")}\n${notifying}`);
  const full = makeFolder();
  assert.deepEqual([full.signal, full.made], ["SIGKILL", false]);
  assert.equal(kernel.faults().FAULT_MARKS, 1n);
});

test("if there are more, every enforcer stops the call", async () => {
  const notifying = `kprobes:${atFunction("sys_mkdir", notify("argError: -13"))}${atFunction("sys_mkdirat", notify("argError: -13"))}`;
  for (const n of [1, 2, 3, 4])
    await add(`more-${n}`, `${enforcers("security_inode_rmdir")}\n${notifying}`);
  await add("more-5", `${enforcers("security_inode_mkdir")}\n${notifying}`);
  const { signal, made } = makeFolder();
  assert.deepEqual([signal, made], ["SIGKILL", false]);
  assert.deepEqual(counters("more-5"), [0, 0, 1, 1, 0]);
});
