// SPDX-License-Identifier: Apache-2.0
// Each type of argument, as it appears in the record.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";
import { Observer } from "./observer.ts";
import type { AnyRecord, Arg } from "./record.ts";

const guard = createGuard({ kinds: ["kprobe", "fentry", "tracepoint", "raw_tp", "kretprobe"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const observer = new Observer(guard);
const observe = observer.records.bind(observer);

const texts = (record: AnyRecord | undefined) => record?.args.map(({ bytes }) => bytes.toString());
const number = (arg: Arg | undefined) => arg?.bytes.readBigInt64LE();
const syscall = (target: string) =>
  ({ kind: "kprobe", target: `__x64_sys_${target}`, nargs: 6, flags: 1 }) as const;
const traced = (target: string, nargs: number) => ({ kind: "fentry", target, nargs }) as const;

test("numbers of all widths", async () => {
  writeFileSync("/tmp/v", "");
  const widths = ["U8", "S8", "U16", "S16", "U32", "S32", "U64"];
  const [record] = await observe(
    syscall("ftruncate"),
    widths.map((width) => ({ type: `VALUE_${width}`, raw: 1 })),
    () => {
      const fd = openSync("/tmp/v", "r+");
      ftruncateSync(fd, 0x1_8282_8283);
      closeSync(fd);
    },
  );
  assert.deepEqual(record?.args.map(number), [
    0x83n,
    -125n,
    0x8283n,
    -32125n,
    0x82828283n,
    -2105376125n,
    0x182828283n,
  ]);
});

test("descriptors and buffers of user space", async () => {
  const bytes = Buffer.alloc(5000, "b");
  const records = await observe(
    syscall("write"),
    [
      { type: "VALUE_FD", raw: 0 },
      { type: "VALUE_USER_BUFFER", raw: 1, size_raw: 2 },
      { type: "VALUE_U64", raw: 2 },
    ],
    () => {
      const fd = openSync("/tmp/v", "w");
      writeSync(fd, "a\0b");
      writeSync(fd, bytes);
      closeSync(fd);
    },
  );
  const mine = records.filter((record) => texts(record)?.[0] === "/tmp/v");
  assert.deepEqual(texts(mine[0])?.slice(0, 2), ["/tmp/v", "a\0b"]);
  assert.equal(mine[0]?.args[0]?.extra, 0o100644);
  assert.equal(mine[0]?.args[1]?.extra, 3);
  assert.equal(mine[1]?.args[1]?.bytes.length, 4096);
  assert.equal(mine[1]?.args[1]?.extra, 5000);
  assert.equal(mine[1]?.args[1]?.flags, tables.constant("TEXT_TRUNCATED"));
});

test("strings and file names", async () => {
  const [change] = await observe(syscall("chdir"), [{ type: "VALUE_USER_STRING", raw: 0 }], () =>
    process.chdir("/tmp"),
  );
  assert.deepEqual(texts(change), ["/tmp"]);
  mkdirSync("/tmp/mounted");
  const mounts = await observe(
    traced("security_sb_mount", 5),
    [
      { type: "VALUE_STRING", raw: 0 },
      { type: "VALUE_PATH", raw: 1 },
      { type: "VALUE_STRING", raw: 2 },
      { type: "VALUE_U64", raw: 3 },
    ],
    () => spawnSync("busybox", ["mount", "-t", "tmpfs", "a device", "/tmp/mounted"]),
  );
  assert.ok(
    mounts.some((record) => texts(record)?.slice(0, 3).join("|") === "a device|/tmp/mounted|tmpfs"),
    JSON.stringify(mounts.map(texts)),
  );
  spawnSync("umount", ["/tmp/mounted"]);
  const opened = await observe(
    traced("do_filp_open", 3),
    [{ type: "VALUE_FILENAME", raw: 1 }],
    () => readFileSync("/tmp/../tmp/v"),
  );
  assert.ok(opened.some((record) => texts(record)?.[0] === "/tmp/../tmp/v"));
});

test("paths, dentries and programs", async () => {
  const stats = await observe(
    traced("security_inode_getattr", 1),
    [{ type: "VALUE_PATH", raw: 0 }],
    () => statSync("/etc/passwd"),
  );
  assert.ok(stats.some((record) => texts(record)?.[0] === "/etc/passwd"));
  const unlinks = await observe(
    traced("security_inode_unlink", 2),
    [{ type: "VALUE_DENTRY", raw: 1 }],
    () => unlinkSync("/tmp/v"),
  );
  assert.ok(unlinks.some((record) => texts(record)?.[0] === "/v")); // inside the tmpfs
  const programs = await observe(
    traced("security_bprm_check", 1),
    [{ type: "VALUE_BINPRM", raw: 0 }],
    () => spawnSync("../usr/bin/true", { cwd: "/tmp" }),
  );
  assert.deepEqual(
    programs.map((record) => texts(record)?.[0]),
    ["/usr/bin/true"],
  );
  assert.equal(programs[0]?.args[0]?.extra, 0o100755);
});

test("sockets and addresses", async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const connects = await observe(
    traced("security_socket_connect", 3),
    [
      { type: "VALUE_SOCKET", raw: 0 },
      { type: "VALUE_SOCKADDR", raw: 1 },
      { type: "VALUE_SOCK_TO_ADDR", raw: 0, size_raw: 1, size: 2 },
    ],
    () =>
      new Promise<void>((resolve) => {
        const socket = connect({ host: "0.0.0.0", port }, () => socket.end(resolve));
      }),
  );
  server.close();
  const [socket, address, peer] =
    connects.find(({ process: { pid } }) => pid === process.pid)?.args ?? [];
  // struct sock_value: family, type, protocol, state, mark, priority, sport, dport, has_addr
  const at = (arg: Arg | undefined) => ({
    family: arg?.bytes.readUInt16LE(0),
    type: arg?.bytes.readUInt16LE(2),
    protocol: arg?.bytes.readUInt16LE(4),
    dport: arg?.bytes.readUInt16LE(18),
    daddr: [...(arg?.bytes.subarray(48, 52) ?? [])].join("."),
  });
  assert.deepEqual(at(socket), { family: 2, type: 1, protocol: 6, dport: 0, daddr: "0.0.0.0" });
  assert.deepEqual(at(address), { family: 2, type: 0, protocol: 0, dport: port, daddr: "0.0.0.0" });
  // Unchanged: the address of this machine that it becomes can change until the kernel chooses.
  assert.deepEqual(at(peer), { family: 2, type: 1, protocol: 6, dport: port, daddr: "0.0.0.0" });
  assert.equal(peer?.bytes.readUInt16LE(22), 1); // any_peer
});

test("fields of a tracepoint", async () => {
  const format = readFileSync("/sys/kernel/tracing/events/sched/sched_process_exec/format", "utf8");
  const offset = (field: string) =>
    Number(new RegExp(`\\b${field};\\s+offset:(\\d+)`).exec(format)?.[1]);
  const records = await observe(
    { kind: "tracepoint", target: ["sched", "sched_process_exec"], nargs: 0, flags: 2 },
    [
      { type: "VALUE_DATA_LOC", raw: offset("filename"), size: 4 },
      { type: "VALUE_S32", raw: offset("pid"), size: 4 },
    ],
    () => spawnSync("/usr/bin/true"),
  );
  assert.equal(records.length, 1);
  assert.equal(texts(records[0])?.[0], "/usr/bin/true");
  assert.equal(number(records[0]?.args[1]), BigInt(records[0]?.process.pid ?? 0));
  const fork = readFileSync("/sys/kernel/tracing/events/task/task_newtask/format", "utf8");
  const comm = /char comm\[(\d+)\];\s+offset:(\d+)/.exec(fork);
  const forks = await observe(
    { kind: "tracepoint", target: ["task", "task_newtask"], nargs: 0, flags: 2 },
    [
      {
        type: "VALUE_STRING",
        raw: Number(comm?.[2]),
        size: 16,
        flags: tables.constant("SLOT_IN_PLACE"),
      },
    ],
    () => spawnSync("/usr/bin/true"),
  );
  assert.ok(
    forks.some((record) => texts(record)?.[0] === readFileSync("/proc/self/comm", "utf8").trim()),
  );
});

test("a raw tracepoint and a return value", async () => {
  const records = await observe(
    { kind: "raw_tp", target: "sched_process_exec", nargs: 3 },
    [
      { type: "VALUE_BINPRM", raw: 2 },
      { type: "VALUE_S32", raw: 1 },
    ],
    () => spawnSync("/usr/bin/true"),
  );
  assert.deepEqual(texts(records[0])?.[0], "/usr/bin/true");
  const returned = await observe(
    { kind: "kretprobe", target: "__x64_sys_umask", nargs: 0 },
    [{ type: "VALUE_S32", raw: tables.constant("RAW_RETURN") }],
    () => process.umask(0o27) + process.umask(0o22),
  );
  assert.deepEqual(
    returned
      .filter(({ process: { pid } }) => pid === process.pid)
      .map(({ args }) => number(args[0]))
      .slice(-1),
    [0o27n],
  );
});
