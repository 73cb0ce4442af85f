// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FunctionSet } from "@gander/policy";
import { afterAll, describe, expect, it } from "vitest";
import { createFunctionFinder } from "./traced-functions.ts";

const folder = mkdtempSync(join(tmpdir(), "functions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, lines: readonly string[]) => {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
};

const traceable = write("traceable", [
  "vfs_read",
  "vfs_write",
  "vfs_twice",
  "vfs_cut.isra.0",
  "vfs_alias_of_open",
  "vfs_overlay [overlay]",
  "__do_sys_getpid",
  "__x64_sys_mkdir",
  "__x64_sys_ni_syscall",
]);
const symbols = write("symbols", [
  "ffffffff81000000 T vfs_read",
  "ffffffff81000010 t vfs_write",
  "ffffffff81000020 t vfs_twice",
  "ffffffff81000030 t vfs_twice",
  "ffffffff81000040 t vfs_cut.isra.0",
  "ffffffff81000050 T vfs_open",
  "ffffffff81000050 T vfs_alias_of_open",
  "ffffffff81000060 T vfs_notrace",
  "ffffffff81000070 D vfs_data",
  "ffffffff81000080 t vfs_overlay\t[overlay]",
  "ffffffff81000090 t __do_sys_getpid",
  "ffffffff81000090 T __ia32_sys_getpid",
  "ffffffff81000090 T __x64_sys_getpid",
  "ffffffff810000a0 T __x64_sys_mkdir",
  "ffffffff810000b0 T __x64_sys_ni_syscall",
]);
const forbidden = write("forbidden", ["0xffffffff81000010-0xffffffff81000020\tvfs_write"]);

const find = (set: FunctionSet, { oneByOne = false, from = [traceable] } = {}) =>
  createFunctionFinder({
    oneByOne: () => oneByOne,
    onFound: () => undefined,
    files: { traceable: from, symbols, forbidden },
  })(set);
const vfs: FunctionSet = { by: "pattern", pattern: "^vfs_" };

describe("the functions of a list whose names the kernel has", () => {
  it("are those that can be traced, and the others are counted", () =>
    expect(find(vfs)).toEqual({
      names: ["vfs_alias_of_open", "vfs_read", "vfs_write"],
      leftOut: [
        "1 names that several functions have",
        "1 parts of functions that the compiler made",
        "1 that the kernel does not let be traced",
        "1 of modules",
      ],
      certain: true,
    }));
  it("lack those where no kprobe may be, where they are hooked one by one", () =>
    expect(find(vfs, { oneByOne: true })).toMatchObject({
      names: ["vfs_alias_of_open", "vfs_read"],
      leftOut: expect.arrayContaining(["2 that the kernel does not let be traced"]),
    }));
  it("are system calls, even if ftrace has another name for one", () =>
    expect(find({ by: "syscalls" })).toEqual({
      names: ["__x64_sys_getpid", "__x64_sys_mkdir"],
      leftOut: [],
      certain: true,
    }));
  it("are system calls even where addresses are hidden", () => {
    const names = ["__do_sys_getpid", "__x64_sys_getpid", "__x64_sys_mkdir"];
    const hidden = names.map((name) => `0000000000000000 T ${name}`);
    const finder = createFunctionFinder({
      oneByOne: () => false,
      onFound: () => undefined,
      files: { traceable: [traceable], symbols: write("hidden", hidden), forbidden },
    });
    expect(finder({ by: "syscalls" })).toMatchObject({ names: names.slice(1), leftOut: [] });
  });
  it("are found in the second folder", () =>
    expect(find(vfs, { from: [join(folder, "none"), traceable] }).problem).toBeUndefined());
  it("are not known without tracefs", () =>
    expect(find(vfs, { from: [join(folder, "none")] })).toMatchObject({
      problem: expect.stringContaining("cannot be read"),
      hint: expect.stringContaining("/sys/kernel/tracing"),
    }));
});

it.each<[pattern: string, names: readonly string[]]>([
  ["^vfs_rea*", ["vfs_read"]],
  ["^vfs_re?a", ["vfs_read"]],
  ["^vfs_x|_write$", ["vfs_write"]],
  ["read", ["vfs_read"]],
  ["^(vfs_read|vfs_write)$", ["vfs_read", "vfs_write"]],
  ["(?i)^VFS_READ", ["vfs_read"]],
  ["^nothing", []],
])("%s matches %j", (pattern, names) =>
  expect(find({ by: "pattern", pattern })).toMatchObject({ names }),
);
