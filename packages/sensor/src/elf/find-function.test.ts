// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildElf, elfOf, type MadeProgram } from "../../test/elf.ts";
import { codeBehind, findFunction, findReturn } from "./find-function.ts";

const find = (bytes: Uint8Array, by: "symbol" | "address" | "offset", name: string, plus = 0) => {
  const elf = elfOf(bytes);
  if (elf.problem !== undefined) return elf.problem;
  const found = findFunction(elf, { by, name, plus });
  return found.problem === undefined ? found.offset : `${found.problem} | ${found.hint}`;
};

const program: MadeProgram = {
  symbols: [
    { name: "main", address: 0x401010, size: 0x20 },
    { name: "helper", address: 0x401100, local: true },
    { name: "helper", address: 0x401200, local: true },
    { name: "shadowed", address: 0x401300, local: true },
    { name: "shadowed", address: 0x401400 },
    { name: "chosen", address: 0x401500, indirect: true },
    { name: "elsewhere", address: 0x602000 },
    { name: "a_table", address: 0x401b00, label: true },
    { name: "imported", address: 0, undefined: true },
    { name: "old@VERSION_1", address: 0x401600 },
    { name: "old@@VERSION_2", address: 0x401700 },
  ],
  dynamic: [
    { name: "main", address: 0x401010, size: 0x20 },
    { name: "versioned", address: 0x401800, hidden: true },
    { name: "versioned", address: 0x401900 },
    { name: "only_old", address: 0x401a00, hidden: true },
  ],
};

describe("findFunction", () => {
  it.each([
    ["symbol", "main", 0, 0x1010],
    ["symbol", "main", 0x1f, 0x102f],
    ["symbol", "shadowed", 0, 0x1400],
    ["symbol", "old", 0, 0x1700],
    ["symbol", "versioned", 0, 0x1900],
    ["symbol", "only_old", 0, 0x1a00],
    ["address", "0x401fff", 0, 0x1fff],
    ["offset", "0x1000", 0, 0x1000],
    [
      "symbol",
      "main",
      0x20,
      "main is only 32 bytes long | Write a place inside of it, such as main for its beginning.",
    ],
    ["symbol", "maim", 0, "there is no function maim | Did you mean main?"],
    ["symbol", "mai", 0, "there is no function mai | Did you mean main?"],
    ["symbol", "imported", 0, /^there is no function imported \| Names are in the output of `nm`/],
    [
      "symbol",
      "helper",
      0,
      "2 functions are named helper | Write the one that you mean by its address: `addrs: [0x401100, 0x401200]`.",
    ],
    ["symbol", "a_table", 0, /^there is no function a_table/],
    ["symbol", "chosen", 0, /^chosen is chosen among several functions when a program starts/],
    ["symbol", "elsewhere", 0, /^elsewhere is not in the part that is executed/],
    ["address", "0x402000", 0, /^0x402000 is not in the part that is executed/],
    ["offset", "0xfff", 0, /^nothing is executed at offset 0xfff/],
  ] as const)("%s %s+%i: %s", (by, name, plus, expected) => {
    const found = find(buildElf(program), by, name, plus);
    if (expected instanceof RegExp) expect(found).toMatch(expected);
    else expect(found).toBe(expected);
  });

  it("says that a program has only what it exports", () => {
    const { dynamic = [] } = program;
    expect(find(buildElf({ dynamic }), "symbol", "x")).toMatch(/table of symbols was removed/);
    expect(find(buildElf({}), "symbol", "x")).toMatch(/table of symbols was removed/);
  });

  it("knows a Go program by its sections", () => {
    const isGo = (made: MadeProgram) => {
      const elf = elfOf(buildElf(made));
      return elf.problem === undefined && elf.isGo;
    };
    expect(isGo(program)).toBe(false);
    expect(isGo({ sections: [".gopclntab"] })).toBe(true);
  });
});

describe("the build-id", () => {
  const idOf = (bytes: Buffer) => {
    const elf = elfOf(bytes);
    return elf.problem === undefined && elf.buildId;
  };
  const id = Buffer.from("1b84f6", "hex");

  it("is read", () => expect(idOf(buildElf({ buildId: id }))).toBe("1b84f6"));
  it("may be absent", () => expect(idOf(buildElf({}))).toBe(undefined));
  it("does not end behind its note", () => {
    const bytes = buildElf({ buildId: id });
    bytes.writeUInt32LE(200, bytes.lastIndexOf(Buffer.from([3, 0, 0, 0, 0x47])) - 4);
    expect(idOf(bytes)).toBe(undefined);
  });
});

describe("programs of this machine", () => {
  const libc = readFileSync("/proc/self/maps", "utf8").match(/\/\S*\/libc[.-]\S*so\S*/)?.[0] ?? "";
  const table = execFileSync("readelf", ["-W", "--dyn-syms", libc], { encoding: "utf8" });
  const segments = execFileSync("readelf", ["-Wl", libc], { encoding: "utf8" });

  it.each(["malloc", "umask", "qsort", "getenv", "pthread_create"])("%s of libc", (name) => {
    const [, address = ""] = new RegExp(`([0-9a-f]{16}) +\\d+ FUNC .* ${name}@@`).exec(table) ?? [];
    const [, offset = "", at = ""] = /LOAD +0x(\w+) 0x(\w+) .* R E /.exec(segments) ?? [];
    const expected = Number(`0x${address}`) - Number(`0x${at}`) + Number(`0x${offset}`);
    expect(find(readFileSync(libc), "symbol", name)).toBe(expected);
  });

  it("node itself, with a large table", () => {
    expect(find(readFileSync(process.execPath), "symbol", "uv_run")).toBeGreaterThan(0);
  });
});

describe("files that are none, or broken", () => {
  const whole = buildElf(program);
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(whole);
    change(bytes);
    return bytes;
  };

  it.each<[string, Buffer, RegExp]>([
    ["nothing", Buffer.alloc(0), /^not a program: it is too short$/],
    ["a text", Buffer.from("#!/bin/sh\n".repeat(20)), /it is no ELF file$/],
    ["32 bits", changed((bytes) => bytes.writeUInt8(1, 4)), /of 32 bits/],
    ["another machine", changed((bytes) => bytes.writeUInt16LE(183, 18)), /another machine/],
    ["an object file", changed((bytes) => bytes.writeUInt16LE(1, 16)), /neither a program/],
    ["headers beyond its end", changed((bytes) => bytes.fill(0xff, 32, 40)), /^damaged/],
    ["sections beyond its end", changed((bytes) => bytes.fill(0xff, 40, 48)), /was removed/],
    ["cut off", whole.subarray(0, whole.length - 100), /was removed/],
    ["too large a table", largeTable(), /exceeds 64 MiB/],
  ])("%s", (_, bytes, problem) => {
    expect(String(find(bytes, "symbol", "nope"))).toMatch(problem);
  });

  function largeTable(): Buffer {
    return changed((bytes) => {
      const sections = Number(bytes.readBigUInt64LE(40));
      bytes.writeBigUInt64LE(2n ** 40n, sections + 64 + 32);
    });
  }
});

describe("findReturn", () => {
  const elf = elfOf(buildElf(program));
  if (elf.problem !== undefined) throw new Error(elf.problem);
  const main = findFunction(elf, { by: "symbol", name: "main", plus: 0 });
  if (main.problem !== undefined) throw new Error(main.problem);

  it("is the first behind the place, by its offset and its address", () => {
    expect(main).toEqual({ offset: 0x1010, address: 0x401010 });
    const code = Uint8Array.of(0x55, 0xc3, 0x90, 0xc3);
    expect(findReturn(main, code, "main")).toEqual({ offset: 0x1012, address: 0x401012 });
    expect(findReturn(main, code.subarray(0, 1), "main").problem).toMatch(/behind main/);
  });

  it("is looked for in what is executed, up to 64 KiB", () => {
    expect(codeBehind(elf, 0x1010)).toEqual({ position: 0x1011, length: 0xfef });
    expect(codeBehind(elf, 0x1fff)).toEqual({ position: 0x2000, length: 0 });
    expect(codeBehind(elf, 0x800)).toEqual({ position: 0x801, length: 0 });
    const [code] = elf.code;
    if (code === undefined) throw new Error("no code");
    const large = { ...elf, code: [{ ...code, size: 1 << 20 }] };
    expect(codeBehind(large, 0x1010).length).toBe(64 << 10);
  });

  it("has the address that belongs to an offset", () => {
    expect(findFunction(elf, { by: "offset", name: "0x1234", plus: 0 })).toEqual({
      offset: 0x1234,
      address: 0x401234,
    });
  });
});
