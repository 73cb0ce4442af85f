// SPDX-License-Identifier: Apache-2.0
// Lifecycle: the records of exec, fork, exit, the iterator and cgroups.
import assert from "node:assert/strict";
import { type SpawnSyncOptions, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";
import type { AnyRecord } from "./record.ts";

const guard = createGuard({ kinds: [] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const scenes = "/gander/bpf/build/test/scenes";
const is = (type: string) => (record: AnyRecord) => record.type === tables.constant(type);
const has = (record: AnyRecord | undefined, field: string, flag: string) =>
  (Number(record?.own[field]) & tables.constant(flag)) !== 0;
const privilegesOf = (record: AnyRecord | undefined) =>
  (record ?? assert.fail("no record")).own.privileges as {
    readonly cred: Readonly<Record<string, number | bigint>>;
    readonly namespaces: readonly number[];
  };
const credOf = (record: AnyRecord | undefined) => privilegesOf(record).cred;
const text = (record: AnyRecord | undefined, field: string) =>
  record?.texts[field]?.bytes.toString();

/** Runs a command and returns the records of its processes. */
function play(command: string, args: readonly string[], options: SpawnSyncOptions = {}) {
  guard.drain();
  const result = spawnSync(command, args, options);
  return { ...result, records: guard.drain() };
}

const execOf = (records: readonly AnyRecord[], path: string) =>
  records.find((record) => is("RECORD_EXEC")(record) && text(record, "path") === path);

test("exec: what was typed, what runs, arguments, directory, credentials, namespaces", () => {
  const { records, pid, status } = play("../usr/bin/true", ["a b", "", "é\n\x1b[31m"], {
    cwd: "/tmp",
  });
  assert.equal(status, 0);
  const exec = execOf(records, "/usr/bin/true");
  assert.equal(exec?.process.pid, pid);
  assert.equal(exec?.tid, pid);
  assert.equal(exec?.parent.pid, process.pid);
  assert.equal(text(exec, "filename"), "../usr/bin/true");
  assert.equal(text(exec, "cwd"), "/tmp");
  assert.equal(text(exec, "arguments"), "../usr/bin/true\0a b\0\0é\n\x1b[31m\0");
  assert.equal(exec?.texts.arguments?.flags, 0);
  assert.equal(exec?.own.inode, BigInt(statSync("/usr/bin/true").ino));
  assert.equal(exec?.own.links, 1);
  assert.equal(exec?.own.mode, 0o100755);
  const cred = credOf(exec);
  assert.equal(cred.euid, 0);
  assert.equal(cred.auid, 4294967295);
  assert.equal(
    cred.effective,
    BigInt(`0x${/CapEff:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`),
  );
  const names = [
    "uts",
    "ipc",
    "mnt",
    "pid",
    "pid_for_children",
    "net",
    "time",
    "time_for_children",
    "cgroup",
    "user",
  ];
  assert.deepEqual(
    privilegesOf(exec).namespaces,
    names.map((name) => Number(/\d+/.exec(readlinkSync(`/proc/self/ns/${name}`))?.[0])),
  );
  const exit = records.find((record) => is("RECORD_EXIT")(record) && record.process.pid === pid);
  assert.deepEqual(exit?.process, exec?.process);
  assert.deepEqual(exit?.parent, exec?.parent);
  assert.equal(exit?.own.status, 0);
  assert.ok(
    exit !== undefined &&
      exec !== undefined &&
      exit.time >= exec.time &&
      exec.time >= exec.process.start,
  );
});

test("a script tells its interpreter", () => {
  writeFileSync("/tmp/script", "#!/bin/sh\nexit 4\n");
  chmodSync("/tmp/script", 0o755);
  const { records, status } = play("/tmp/script", ["x"]);
  assert.equal(status, 4);
  const exec = records.find(
    (record) => is("RECORD_EXEC")(record) && text(record, "filename") === "/tmp/script",
  );
  assert.ok(has(exec, "flags", "EXEC_SCRIPT"));
  assert.equal(text(exec, "interp"), "/bin/sh");
  assert.equal(text(exec, "path"), "/usr/bin/bash");
  assert.equal(text(exec, "arguments"), "/bin/sh\0/tmp/script\0x\0");
});

test("long arguments are marked as cut, never left out", () => {
  const long = "x".repeat(131000);
  const { records } = play("/usr/bin/true", [long]);
  const exec = execOf(records, "/usr/bin/true");
  assert.equal(exec?.own.arguments_size, long.length + 1 + "/usr/bin/true".length + 1);
  assert.equal(exec?.texts.arguments?.bytes.length, 16384);
  assert.equal(exec?.texts.arguments?.flags, tables.constant("TEXT_TRUNCATED"));
  assert.ok(text(exec, "arguments")?.startsWith("/usr/bin/true\0xxxx"));
  const whole = play("/usr/bin/true", ["y".repeat(16000)]).records;
  assert.equal(execOf(whole, "/usr/bin/true")?.texts.arguments?.flags, 0);
});

test("exec from a thread keeps the process, and its parent", () => {
  const { records, pid } = play(scenes, ["thread-exec", "/usr/bin/true", "z"]);
  const first = execOf(records, scenes);
  const second = execOf(records, "/usr/bin/true");
  assert.equal(second?.process.pid, pid);
  assert.equal(second?.tid, pid);
  assert.deepEqual(second?.own.previous && { ...(second.own.previous as object) }, {
    ...first?.process,
  });
  assert.deepEqual(second?.parent, first?.parent);
  assert.equal(records.filter(is("RECORD_EXIT")).length, 1);
});

for (const args of [["leader-exits"], ["leader-exits", "7"]]) {
  test(`the leader exits before the last thread: ${args.join(" ")}`, () => {
    const { records, pid, status } = play(scenes, args);
    const exits = records.filter(
      (record) => is("RECORD_EXIT")(record) && record.process.pid === pid,
    );
    assert.deepEqual(
      exits.map(({ own }) => own.status),
      [(status ?? -1) << 8], // as the parent sees it: whose status it is depends on the kernel
    );
  });
}

test("death by signal", () => {
  const { records, pid } = play("bash", ["-c", "kill -TERM $$"]);
  assert.equal(
    records.find((record) => is("RECORD_EXIT")(record) && record.process.pid === pid)?.own.status,
    15,
  );
});

test("a binary without a name, or with one that is gone", () => {
  const nameless = play(scenes, ["memfd-exec", "/usr/bin/true"])
    .records.filter(is("RECORD_EXEC"))
    .at(-1);
  assert.equal(text(nameless, "path"), "/memfd:nameless");
  assert.equal(nameless?.own.links, 0);
  assert.ok((nameless?.texts.path?.flags ?? 0) & tables.constant("TEXT_DELETED"));
  copyFileSync("/usr/bin/true", "/tmp/gone");
  chmodSync("/tmp/gone", 0o755);
  const gone = execOf(play(scenes, ["deleted-exec", "/tmp/gone"]).records, "/tmp/gone");
  assert.equal(gone?.own.links, 0);
  assert.ok((gone?.texts.path?.flags ?? 0) & tables.constant("TEXT_DELETED"));
});

test("raised privileges are told", () => {
  copyFileSync("/usr/bin/true", "/var/setuid");
  chmodSync("/var/setuid", 0o4755);
  const exec = execOf(play("/var/setuid", [], { uid: 1000, gid: 1000 }).records, "/var/setuid");
  assert.ok(has(exec, "flags", "EXEC_SETUID") && has(exec, "flags", "EXEC_SECURE"));
  assert.equal(credOf(exec).euid, 0);
  assert.equal(credOf(exec).uid, 1000);
  const plain = execOf(
    play("/usr/bin/true", [], { uid: 1000, gid: 1000 }).records,
    "/usr/bin/true",
  );
  assert.ok(!has(plain, "flags", "EXEC_SECURE"));
  assert.equal(plain?.uid, 1000);
  copyFileSync("/usr/bin/true", "/var/filecaps");
  chmodSync("/var/filecaps", 0o755);
  spawnSync("setcap", ["cap_net_raw+ep", "/var/filecaps"]);
  const caps = execOf(play("/var/filecaps", [], { uid: 1000, gid: 1000 }).records, "/var/filecaps");
  assert.ok(has(caps, "flags", "EXEC_FILE_CAPS"));
});

test("pid namespaces: host pids, own pid, whether it descends from the first process", () => {
  const { records } = play("unshare", ["-pf", "--mount-proc", "sh", "-c", "/usr/bin/true; :"]);
  const shell = records.find(
    (record) => is("RECORD_EXEC")(record) && text(record, "filename")?.endsWith("/sh"),
  );
  const child = execOf(records, "/usr/bin/true");
  assert.equal(shell?.own.ns_pid, 1);
  assert.equal(child?.own.ns_pid, 2);
  assert.ok((child?.process.pid ?? 0) > 2);
  assert.deepEqual(child?.parent, shell?.process);
  const inTree = tables.constant("RECORD_IN_INIT_TREE");
  assert.ok((shell?.flags ?? 0) & inTree && (child?.flags ?? 0) & inTree);
  assert.equal((execOf(records, "/usr/bin/unshare")?.flags ?? inTree) & inTree, 0);
});

test("every parent was announced before its children, also without an exec", () => {
  const { records } = play(scenes, ["fork-chain", "5"]);
  const announced = new Set<string>();
  const name = ({ pid, start }: AnyRecord["process"]) => `${pid}:${start}`;
  const exec = execOf(records, scenes);
  assert.equal(records.filter(is("RECORD_CLONE")).length, 4);
  for (const record of records) {
    if (is("RECORD_EXEC")(record) || is("RECORD_CLONE")(record))
      announced.add(name(record.process));
    if (record.process.pid !== exec?.process.pid)
      assert.ok(announced.has(name(record.parent)), name(record.parent));
  }
  assert.equal(records.filter(is("RECORD_EXIT")).length, 6);
});

test("what ran before is found, without waiting for its arguments", async (t) => {
  const child = spawn(scenes, ["hide-arguments", "secret"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("exit", () => reject(new Error("the scene ended before it was ready")));
  });
  const tasks = guard.scanTasks();
  const self = tasks.find(({ process: { pid } }) => pid === process.pid);
  assert.equal(text(self, "path"), "/usr/local/bin/node");
  // Only their length: user space reads them apart (read-apart.ts).
  assert.equal(self?.own.arguments_size, readFileSync("/proc/self/cmdline").length);
  assert.equal(text(self, "arguments"), "");
  assert.equal(text(self, "cwd"), process.cwd());
  assert.equal(self?.parent.pid, process.ppid);
  const init = tasks.find(({ process: { pid } }) => pid === 1);
  assert.equal(init?.own.ns_pid, 1);
  assert.equal(init?.flags, 0);
  const kthreadd = tasks.find(({ process: { pid } }) => pid === 2);
  assert.ok(has(kthreadd, "flags", "EXEC_KERNEL_THREAD"));
  assert.equal(text(kthreadd, "filename"), "kthreadd");
  const hidden = tasks.find(({ process: { pid } }) => pid === child.pid);
  assert.ok(hidden, `no process ${child.pid} among ${tasks.map(({ process: { pid } }) => pid)}`);
  const { flags = 0 } = hidden.texts.arguments ?? {};
  assert.ok(flags & tables.constant("TEXT_UNREADABLE"), JSON.stringify(text(hidden, "arguments")));
  guard.drain();
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  const exit = guard
    .drain()
    .find((record) => is("RECORD_EXIT")(record) && record.process.pid === child.pid);
  assert.deepEqual(exit?.process, hidden.process);
  assert.equal(exit?.own.status, 9);
});

test("cgroups come and go", () => {
  guard.drain();
  mkdirSync("/sys/fs/cgroup/test.slice");
  const id = BigInt(statSync("/sys/fs/cgroup/test.slice").ino);
  rmdirSync("/sys/fs/cgroup/test.slice");
  const records = guard.drain();
  const made = records.find(is("RECORD_CGROUP_MKDIR"));
  assert.equal(made?.own.id, id);
  assert.equal(made?.own.level, 1);
  assert.equal(made?.own.hierarchy, 0);
  assert.equal(made?.own.parent_id, BigInt(statSync("/sys/fs/cgroup").ino));
  assert.equal(text(made, "path"), "/test.slice");
  assert.equal(records.find(is("RECORD_CGROUP_RMDIR"))?.own.id, id);
});

test("faults: none so far", () => {
  const faults = guard.faults();
  assert.deepEqual(
    Object.values(faults).filter((n) => n !== 0),
    [],
    JSON.stringify(faults),
  );
});
