// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, rmdirSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { type Counter, callUmask, loadFixture, readCounter } from "../test/fixture.ts";
import {
  type AttachPoint,
  BpfError,
  BpfIterator,
  kernelVersion,
  readIterator,
  supportsKprobeMulti,
} from "./index.ts";

interface Case {
  readonly program: string;
  readonly counter: Counter;
  /** Undefined: what the program's section names. */
  readonly point?: AttachPoint;
  /** Undefined: a call of umask, counted at least once. */
  readonly act?: () => void;
  readonly exactly?: number;
  readonly unless?: string | false;
}

const libc = process.report.getReport() as unknown as { sharedObjects: string[] };
const libcPath = libc.sharedObjects.find((path) => /\/libc[.-].*so/.test(path)) ?? "";
const noMulti = supportsKprobeMulti() ? false : "this kernel has no kprobe.multi";
const [major, minor] = kernelVersion();
const noUprobeMulti = major === 6 && minor < 6 && "uprobe.multi came with 6.6";
const makeFolder = () => {
  mkdirSync("/tmp/attach-test");
  rmdirSync("/tmp/attach-test");
};

const cases: readonly Case[] = [
  { program: "by_tracepoint", counter: "tracepoint", exactly: 5 },
  {
    program: "by_tracepoint",
    counter: "tracepoint",
    point: { kind: "tracepoint", category: "syscalls", name: "sys_exit_umask", cookie: 7n },
    exactly: 5,
  },
  { program: "by_raw_tracepoint", counter: "raw_tracepoint" },
  { program: "by_btf_tracepoint", counter: "btf_tracepoint" },
  { program: "by_kprobe", counter: "kprobe", exactly: 5 },
  { program: "by_kretprobe", counter: "kretprobe", exactly: 5 },
  { program: "by_kprobe_multi", counter: "kprobe_multi", exactly: 5, unless: noMulti },
  {
    program: "by_kprobe_multi",
    counter: "kprobe_multi",
    point: {
      kind: "kprobe_multi",
      functions: ["__x64_sys_umask", "__x64_sys_getuid"],
      cookies: [1n, 2n],
      onReturn: true,
    },
    exactly: 5,
    unless: noMulti,
  },
  { program: "by_fentry", counter: "fentry", exactly: 5 },
  { program: "by_fexit", counter: "fexit", exactly: 5 },
  { program: "by_lsm", counter: "lsm", act: makeFolder, exactly: 1 },
  { program: "by_fmod_ret", counter: "fmod_ret", act: makeFolder, exactly: 1 },
  {
    program: "by_uprobe",
    counter: "uprobe",
    point: { kind: "uprobe", path: libcPath, function: "umask" },
    exactly: 5,
  },
  {
    program: "by_uprobe",
    counter: "uprobe",
    point: { kind: "uprobe", path: libcPath, function: "umask", pid: process.pid },
    exactly: 5,
  },
  {
    program: "by_uretprobe",
    counter: "uretprobe",
    point: { kind: "uprobe", path: libcPath, function: "umask", onReturn: true },
    exactly: 5,
  },
  {
    program: "by_uprobe_multi",
    counter: "uprobe_multi",
    point: { kind: "uprobe_multi", path: libcPath, functions: ["umask", "getppid"] },
    exactly: 5,
    unless: noUprobeMulti,
  },
];

for (const { program, counter, point, act, exactly, unless = false } of cases) {
  const title = point === undefined ? program : `${program} at a given ${point.kind}`;
  test(`${title} is called while attached`, { skip: unless }, () => {
    using object = loadFixture([program]);
    const link = object.program(program).attach(point);
    (act ?? (() => callUmask(5)))();
    link.close();
    const calls = readCounter(object.map("counters"), counter);
    if (exactly === undefined) assert.ok(calls >= 5, `${calls} calls`);
    else assert.equal(calls, exactly);
    callUmask();
    makeFolder();
    assert.equal(
      readCounter(object.map("counters"), counter),
      calls,
      "called after it was detached",
    );
  });
}

test("LSM and fmod_ret programs deny", () => {
  for (const program of ["by_lsm", "by_fmod_ret"]) {
    using object = loadFixture([program], { variables: { verdict: -13 } });
    using _link = object.program(program).attach();
    assert.throws(makeFolder, { code: "EACCES" });
  }
  makeFolder();
});

test("an iterator lists all tasks", () => {
  using object = loadFixture(["list_tasks"]);
  using link = object.program("list_tasks").attach();
  const bytes = readIterator(link);
  const pids = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  assert.ok(pids.includes(1) && pids.includes(process.pid), `${pids}`);
  assert.throws(() => readIterator(link, 4), RangeError);
  const iterator = new BpfIterator(link);
  iterator.close();
  assert.throws(() => iterator.read(new Uint8Array(8)), { code: "CLOSED" });
});

test("a cgroup's program decides on connections, and is swapped in its link", async () => {
  const connectTo = async (port: number): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    socket.on("connect", () => resolve("connected"));
    const result = await promise;
    socket.destroy();
    return result;
  };
  using object = loadFixture(["deny_connect", "allow_connect"]);
  {
    using link = object.program("deny_connect").attach({ kind: "cgroup", path: "/sys/fs/cgroup" });
    assert.equal(link.info().type, "cgroup");
    assert.equal(await connectTo(1), "EPERM");
    link.update(object.program("allow_connect"));
    assert.equal(await connectTo(1), "ECONNREFUSED");
    link.detach();
  }
  assert.throws(() => object.program("deny_connect").attach({ kind: "cgroup", path: "/nope" }), {
    code: "ENOENT",
  });
});

test("a link tells what it is", () => {
  using object = loadFixture(["by_fentry", "by_raw_tracepoint"]);
  using fentry = object.program("by_fentry").attach();
  using raw = object.program("by_raw_tracepoint").attach();
  const info = fentry.info();
  assert.equal(info.type, "tracing");
  assert.equal(info.attachType, "trace_fentry");
  assert.equal(info.programId, object.program("by_fentry").info().id);
  assert.equal(raw.info().tracepoint, "sys_enter");
  assert.throws(() => fentry.detach(), BpfError);
  assert.throws(() => fentry.update(object.program("by_fentry")), BpfError);
});

test("detaching on another thread leaves this one free", async () => {
  using object = loadFixture(["by_lsm", "by_fentry"]);
  const links = ["by_lsm", "by_fentry"].map((name) => object.program(name).attach());
  await Promise.all(links.map((link) => link.closeAsync()));
  for (const link of links) {
    assert.ok(link.closed);
    assert.throws(() => link.info(), { code: "CLOSED" });
    await assert.rejects(link.closeAsync(), { code: "CLOSED" });
  }
  callUmask();
  assert.equal(readCounter(object.map("counters"), "fentry"), 0);
  {
    await using _link = object.program("by_fentry").attach();
    callUmask();
  }
  assert.equal(readCounter(object.map("counters"), "fentry"), 1);
});

const refusals: readonly [program: string, point: AttachPoint, message: RegExp][] = [
  [
    "by_kprobe",
    { kind: "kprobe", function: "no_such_function" },
    /no_such_function.*ENOENT|not found/,
  ],
  ["by_tracepoint", { kind: "tracepoint", category: "syscalls", name: "nope" }, /nope.*ENOENT/],
  ["by_raw_tracepoint", { kind: "raw_tracepoint", name: "nope" }, /nope.*ENOENT/],
  ["by_uprobe", { kind: "uprobe", path: libcPath, function: "nope_" }, /nope_ in .*libc/],
  ["by_uprobe", { kind: "uprobe", path: "/nope", function: "umask" }, /\/nope/],
  ["by_kprobe", { kind: "kprobe", function: "a\0b" }, /a text/],
  ["by_kprobe", { kind: "nope" } as unknown as AttachPoint, /Unknown kind/],
  ["by_uprobe", undefined as unknown as AttachPoint, /names no place/],
];

for (const [program, point, message] of refusals)
  test(`attaching ${program} to ${JSON.stringify(point)} says what is wrong`, () => {
    using object = loadFixture([program]);
    assert.throws(
      () => object.program(program).attach(point),
      (error: unknown) => {
        assert.ok(error instanceof BpfError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
