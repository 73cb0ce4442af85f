// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildElf, elfOf, type MadeProgram, probeNote } from "../../test/elf.ts";
import { findProbe } from "./find-probe.ts";

const find = (bytes: Uint8Array, name: string) => {
  const elf = elfOf(bytes);
  if (elf.problem !== undefined) return elf.problem;
  const found = findProbe(elf, name);
  return found.problem === undefined ? found.sites : `${found.problem} | ${found.hint}`;
};

const shop = { provider: "shop", address: 0x401010 };
const program: MadeProgram = {
  symbols: [{ name: "stock", address: 0x602008, variable: true }],
  probes: [
    { ...shop, name: "sold", args: "-4@%edi" },
    { ...shop, name: "bought" },
    { ...shop, name: "sold", address: 0x401020, counter: 0x602010, args: "4@$7 8@stock(%rip)" },
  ],
};

describe("findProbe", () => {
  it("finds each place, with its counter and its arguments", () =>
    expect(find(buildElf(program), "shop:sold")).toEqual([
      {
        offset: 0x1010,
        counter: 0,
        args: [{ in: "register", register: "rdi", skip: 0, size: 4, signed: true }],
      },
      {
        offset: 0x1020,
        counter: 0x810,
        args: [
          { in: "constant", value: 7n, size: 4 },
          {
            ...{ in: "memory", base: "rip", shift: 0, displacement: 0x200fe8 },
            ...{ size: 8, signed: false },
          },
        ],
      },
    ]));

  it("follows a base that was moved with all that the notes name", () => {
    const probes = [{ ...shop, name: "sold", address: 0x1010, base: 0x100, counter: 0x202010 }];
    expect(find(buildElf({ probes, probeBase: 0x400100 }), "shop:sold")).toEqual([
      { offset: 0x1010, counter: 0x810, args: [] },
    ]);
  });

  const many = (count: number) =>
    buildElf({ probes: Array(count).fill({ ...shop, name: "sold" }) });
  it("finds as many places as can be hooked", () =>
    expect(find(many(256), "shop:sold")).toHaveLength(256));

  it.each<[string, Buffer, string, RegExp]>([
    ["a name that is nearly right", buildElf(program), "shop:solt", /Did you mean shop:sold\?$/],
    ["a strange name", buildElf(program), "python:audit", /no probe python:audit \| The probes of/],
    ["a file without probes", buildElf({}), "shop:sold", /no static probes/],
    ["too many places", many(257), "shop:sold", /has 257 places, and 256 are possible/],
    [
      "a place in data",
      buildElf({ probes: [{ ...shop, name: "sold", address: 0x602000 }] }),
      "shop:sold",
      /a place of shop:sold is not in the part that is executed/,
    ],
    [
      "a place beyond all numbers",
      buildElf({ probes: [{ ...shop, name: "sold", address: 2 ** 63 }] }),
      "shop:sold",
      /not in the part that is executed/,
    ],
    [
      "a counter in code",
      buildElf({ probes: [{ ...shop, name: "sold", counter: 0x401000 }] }),
      "shop:sold",
      /the counter of shop:sold is not in the part that is written/,
    ],
    [
      "notes that would fill the memory",
      buildElf({ probeNotes: new Uint8Array((4 << 20) + 4) }),
      "shop:sold",
      /its notes of probes exceed 4 MiB/,
    ],
  ])("%s", (_, bytes, name, problem) => expect(find(bytes, name)).toMatch(problem));
});

describe("notes that are broken", () => {
  const good = probeNote({ ...shop, name: "sold" });
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  const ignored: readonly (readonly [string, Buffer])[] = [
    ["of another owner", changed((bytes) => bytes.write("systap2", 12))],
    ["of another type", changed((bytes) => bytes.writeUInt32LE(4, 8))],
    ["without a name", probeNote({ ...shop, name: "" })],
    ["without texts", changed((bytes) => bytes.fill(0, 44))],
    ["whose texts do not end", changed((bytes) => bytes.fill(0x61, 44))],
    ["with endless arguments", probeNote({ ...shop, name: "sold", args: "a".repeat(5000) })],
  ];
  it.each(ignored)("one %s is passed over", (_, note) =>
    expect(find(buildElf({ probeNotes: Buffer.concat([note, good]) }), "shop:sold")).toEqual([
      { offset: 0x1010, counter: 0, args: [] },
    ]),
  );

  it.each<[string, Buffer]>([
    ["longer than the section", changed((bytes) => bytes.writeUInt32LE(0xffffffff, 4))],
    [
      "with an owner longer than the section",
      changed((bytes) => bytes.writeUInt32LE(0xfffffff0, 0)),
    ],
    ["cut off", good.subarray(0, good.length - 8)],
  ])("one %s is the last", (_, note) => {
    const found = find(buildElf({ probeNotes: Buffer.concat([good, note, good]) }), "shop:sold");
    expect(found).toHaveLength(1);
  });

  it("nothing that stands there makes reading fail", () => {
    const notes = Buffer.concat([good, probeNote({ ...shop, name: "sold", args: "8@8(%rax)" })]);
    const edits = fc.array(fc.tuple(fc.nat(notes.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(edits, (all) => {
        const bytes = Buffer.from(notes);
        for (const [at, value] of all) bytes[at] = value;
        expect(find(buildElf({ probeNotes: bytes }), "shop:sold")).toBeDefined();
      }),
    );
  });
});

describe("a program as the compiler makes it", () => {
  const file = join(import.meta.dirname, "../../../../bpf/build/test/probed");
  const notes = execFileSync("readelf", ["-nW", file], { encoding: "utf8" });
  const written = [
    ...notes.matchAll(/Name: (\S+)\s+Location: (\w+),.*Semaphore: (\w+)\s+Arguments: (.*)/g),
  ];
  const sitesOf = (name: string) => {
    const sites = find(readFileSync(file), `shop:${name}`);
    return typeof sites === "string" ? [] : sites;
  };

  it.each([...new Set(written.map(([, name = ""]) => name))])(
    "%s is where readelf says",
    (name) => {
      const all = written.filter(([, other]) => other === name);
      // The code of a small program has the same offsets as addresses.
      expect(sitesOf(name).map(({ offset }) => offset)).toEqual(all.map(([, , at]) => Number(at)));
      expect(sitesOf(name).map(({ args }) => args.length)).toEqual(
        all.map(([, , , , args = ""]) => args.split(" ").length),
      );
      expect(sitesOf(name).map(({ counter }) => counter > 0)).toEqual(
        all.map(([, , , counter]) => Number(counter) > 0),
      );
    },
  );

  it("its arguments are in many places", () =>
    expect(sitesOf("forms")[0]?.args.map((arg) => arg.in)).toEqual([
      ...["register", "register", "memory", "constant", "memory", "memory", "register"],
      ...["register", "nothing", "memory"],
    ]));
});
