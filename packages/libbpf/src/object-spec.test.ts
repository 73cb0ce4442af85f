// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixturePath, readFixture } from "../test/fixture.ts";
import { attachPointOf, BpfError, readObject, setVariables } from "./index.ts";

describe("reading an object file", () => {
  it("lists maps and programs as plain data", () => {
    const { maps, programs } = readFixture();
    expect(maps.get("pairs")).toEqual({
      name: "pairs",
      type: "hash",
      keySize: 8,
      valueSize: 8,
      maxEntries: 64,
      flags: 0,
      create: true,
      pinPath: undefined,
      initialValue: undefined,
    });
    expect(maps.get(".rodata")).toMatchObject({ type: "array", valueSize: 60 });
    expect(programs.get("by_lsm")).toMatchObject({
      section: "lsm/path_mkdir",
      type: "lsm",
      attachType: "lsm_mac",
      load: false,
    });
  });

  it("keeps its own copy of the bytes, and each reading its own values", () => {
    const bytes = readFileSync(fixturePath);
    const first = readObject(bytes, "first");
    bytes.fill(0);
    setVariables(first, { only_pid: 7 });
    expect(first.maps.get(".rodata")?.initialValue?.[0]).toBe(7);
    expect(readFixture().maps.get(".rodata")?.initialValue?.[0]).toBe(0);
    expect(first.bytes[0]).toBe(0x7f);
  });

  const file = readFileSync(fixturePath);
  const spoilt: readonly [string, Uint8Array][] = [
    ["nothing", new Uint8Array()],
    ["text", Buffer.from("not an object file at all, but long enough for a header".repeat(4))],
    ["the first half", file.subarray(0, file.length / 2)],
    ["a program of this machine", readFileSync(process.execPath).subarray(0, 1 << 20)],
  ];
  it.each(spoilt)("refuses %s", (_, bytes) => {
    expect(() => readObject(bytes, "spoilt")).toThrow(BpfError);
  });

  it("refuses other things", () => {
    expect(() => readObject("text" as unknown as Uint8Array, "x")).toThrow(/Uint8Array/);
    for (const name of ["", "a b", "x".repeat(65), 5 as unknown as string])
      expect(() => readObject(file, name)).toThrow(/Cannot name/);
    expect(() => setVariables(readFixture(), { nope: 1 })).toThrow(/no variable "nope"/);
  });
});

describe("the place a section names", () => {
  const cases: readonly [string, unknown][] = [
    ["?lsm/file_open", { kind: "trace" }],
    ["lsm.s/file_open", { kind: "trace" }],
    ["fentry", { kind: "trace" }],
    ["tp_btf/sys_enter", { kind: "trace" }],
    ["iter/task", { kind: "iterator" }],
    ["kprobe", undefined],
    ["kprobe/f", { kind: "kprobe", function: "f", offset: 0, onReturn: false }],
    ["kprobe/f+4", { kind: "kprobe", function: "f", offset: 4, onReturn: false }],
    ["kretprobe/f", { kind: "kprobe", function: "f", offset: 0, onReturn: true }],
    ["kprobe.multi/f", { kind: "kprobe_multi", functions: ["f"], onReturn: false }],
    ["kprobe.multi/f*", undefined],
    ["raw_tp/x", { kind: "raw_tracepoint", name: "x" }],
    ["tp/a/b", { kind: "tracepoint", category: "a", name: "b" }],
    ["uretprobe//bin/x:f", { kind: "uprobe", path: "/bin/x", function: "f", onReturn: true }],
    ["xdp/eth0", undefined],
  ];
  it.each(cases)("%s", (section, point) => expect(attachPointOf(section)).toEqual(point));
});
