// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { type Btf, readObject } from "@gander/libbpf";
import type { ValueRoute } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { limits, routeFlags, rowFlags, rowOp, valueType } from "../../link/abi.gen.ts";
import { createFollowBits } from "../../link/follow-bits.ts";
import { link } from "../../link/linker.ts";
import { createSetInterner } from "../../link/set-interner.ts";
import { PagedMemory } from "./paged-memory.ts";
import { createSetEncoder, createSetIdReader } from "./set-entries.ts";
import { halvesOf, type Side, type SidedMemory, type TableMemory } from "./sided-memory.ts";
import { createStructLayouts, fieldOf } from "./struct-layouts.ts";
import { createTableWriter, type SidedTable, sidedTables } from "./table-writer.ts";

const object = readFileSync(new URL("../../../../../bpf/build/hook.bpf.o", import.meta.url));
const layouts = createStructLayouts(readObject(object, "hook").btf as Btf);

const structs: Readonly<Record<SidedTable, readonly [struct: string, half: number]>> = {
  groups: ["group", 3 * limits.GROUPS_PAGE],
  hooks: ["hook", limits.MAX_HOOKS],
  applications: ["application", 2 * limits.APPLICATIONS_PAGE],
  rules: ["rule", limits.MAX_RULES],
  rows: ["row", limits.MAX_ROWS],
  verdicts: ["verdict", limits.MAX_VERDICTS],
  bitsets: ["bitset", limits.MAX_BITSETS],
  bounds: ["bound", limits.MAX_BOUNDS],
  routes: ["route", limits.MAX_ROUTES],
  assignments: ["assignment", limits.MAX_ASSIGNMENTS],
};

/** Elements of each page of the tables that have some. */
const pageSizes: Readonly<Record<string, number>> = {
  groups: limits.GROUPS_PAGE,
  applications: limits.APPLICATIONS_PAGE,
};

function emptyMemory(): Record<SidedTable, SidedMemory> {
  const entries = sidedTables.map((name) => {
    const [struct, half] = structs[name];
    const stride = layouts(struct).size;
    const memoryOf = (elements: number): TableMemory => ({
      stride,
      buffer: new ArrayBuffer(2 * elements * stride),
    });
    const perPage = pageSizes[name];
    if (perPage === undefined) return [name, halvesOf(memoryOf(half), half)];
    return [name, createPages(() => memoryOf(perPage), half / perPage, perPage)];
  });
  return Object.fromEntries(entries) as Record<SidedTable, SidedMemory>;
}

function createPages(memory: () => TableMemory, count: number, perPage: number): PagedMemory {
  const pages = [memory()];
  const paged = new PagedMemory(
    {
      pages,
      grow(wanted) {
        while (pages.length < wanted) pages.push(memory());
      },
      shrink: async (wanted) => void pages.splice(wanted),
    },
    perPage,
  );
  paged.reserve(count * perPage);
  return paged;
}

function bytesOf(memory: SidedMemory, table: SidedTable, side: Side, index: number): Uint8Array {
  const { view, at } = memory.place(side, index);
  return new Uint8Array(view.buffer, at, layouts(structs[table][0]).size);
}

const slot = { type: valueType.VALUE_S32, raw: 1, flags: 0, sizeRaw: 0, size: 0 };
const assignment = { kind: 2, value: -8n, from: 152, fromSize: 4, to: 81, size: 1, toSize: 2 };
const verdict = {
  assignments: [assignment, assignment],
  actions: 9,
  error: -1,
  signal: 0,
  rateScope: 0,
  rateWindowMs: 5,
  selector: 0,
  tracked: 1,
  mark: 0x109,
};
const route: ValueRoute = {
  ...{ source: "current-task", dereferences: [8, 0x1234], offset: 40, size: 4 },
  ...{ signed: true, bits: 5, shift: 3, room: 0 },
};

const planned = {
  point: { kind: "lsm", target: "file_open", syscall: false },
  flags: 0,
  args: [
    { slot, signed: true },
    { slot: { ...slot, route }, signed: true },
  ],
  selectors: [
    {
      filters: [{ on: "arg", arg: 0, test: { op: "equal", negate: true, values: [-2n] } }],
      returnFilters: [],
      verdict,
    },
  ],
  onlyWhenEnforcing: false,
} as const;
const rule = { id: 42, hookId: 3, planned, counters: [77] };

function linked() {
  return link({
    policies: [{ id: 3, rules: [rule], budget: 2, mode: "enforce" }],
    groups: [[0]],
    sets: createSetInterner(),
    follow: createFollowBits(),
    fileIdentity: () => undefined,
    hostNamespace: () => 0n,
  });
}

describe("createTableWriter", () => {
  it("puts every value where the C struct of the object has it", () => {
    const memory = emptyMemory();
    const groupsWithRules = [0, 2 * limits.GROUPS_PAGE + 9];
    const [own = new Map<number, number>()] = linked().groups;
    const groups = Array.from({ length: 3 * limits.GROUPS_PAGE }, (_, group) =>
      groupsWithRules.includes(group) ? own : new Map<number, number>(),
    );
    createTableWriter(memory, layouts)(1, { ...linked(), groups }, new Map([[3, 77]]));
    const element = (table: SidedTable, index: number) => bytesOf(memory[table], table, 1, index);
    const read = (table: SidedTable, index: number, field: string): number => {
      const { offset, size } = fieldOf(layouts(structs[table][0]), field);
      const bytes = Buffer.from(element(table, index));
      return size <= 4 ? bytes.readUIntLE(offset, size) : Number(bytes.readBigInt64LE(offset));
    };
    const application = fieldOf(layouts("group"), "application").offset;
    const numbers = groupsWithRules.map((group) =>
      Buffer.from(element("groups", group)).readUInt16LE(application + 2 * 3),
    );
    expect(numbers).toEqual([1, 1]);
    expect(
      ["first_rule", "flags", "summary"].map((field) => read("applications", 1, field)),
    ).toEqual([0, 1, 1]);
    expect(
      ["id", "first_row", "policy", "nargs", "return_slot", "socket_slot"].map((field) =>
        read("rules", 0, field),
      ),
    ).toEqual([42, 1, 2, 2, limits.NO_SLOT, limits.NO_SLOT]);
    const flags = rowFlags.ROW_NEGATE | rowFlags.ROW_LAST | rowFlags.ROW_UNKNOWN_HOLDS;
    expect(
      ["op", "slot", "flags", "n", "fail", "verdict"].map((field) => read("rows", 1, field)),
    ).toEqual([rowOp.ROW_EQUAL, 0, flags, 1, 0, 1]);
    const values = fieldOf(layouts("row"), "values").offset;
    expect(Buffer.from(element("rows", 1)).readBigInt64LE(values)).toBe(-2n);
    expect(
      ["actions", "counter", "rate_window_ns", "tracked", "untracked", "mark"].map((field) =>
        read("verdicts", 1, field),
      ),
    ).toEqual([9, 77, 5_000_000, 1, limits.NO_SLOT, 0x3_0000_0109]);
    expect(read("verdicts", 1, "error") | 0).toBe(-1);
    expect([read("verdicts", 1, "first_assignment"), read("verdicts", 1, "nassignments")]).toEqual([
      1, 2,
    ]);
    expect(
      ["kind", "value", "from", "from_size", "to", "size", "to_size"].map((field) =>
        read("assignments", 2, field),
      ),
    ).toEqual([2, -8, 152, 4, 81, 1, 2]);
    expect(
      ["nslots", "index", "cache_key", "index_int", "first_rule"].map((field) =>
        read("hooks", 3, field),
      ),
    ).toEqual([2, 0, 77, limits.NO_SLOT, 0]);
    const fields = ["steps", "flags", "size", "shift_left", "shift_right", "room", "offset"];
    const { ROUTE_FROM_TASK, ROUTE_SIGNED } = routeFlags;
    expect(fields.map((field) => read("routes", 1, field))).toEqual([
      ...[2, ROUTE_FROM_TASK | ROUTE_SIGNED, 4, 64 - 8, 64 - 5, 0, 40],
    ]);
    const followed = fieldOf(layouts("route"), "dereferences").offset;
    const words = [0, 4, 8].map((at) =>
      Buffer.from(element("routes", 1)).readUInt32LE(followed + at),
    );
    expect(words).toEqual([8, 0x1234, 0]);
    const slots =
      fieldOf(layouts("hook"), "slots").offset + fieldOf(layouts("slot"), "route").offset;
    const hook = Buffer.from(element("hooks", 3));
    const ofSlots = [0, 1].map((at) => hook.readUInt16LE(slots + at * layouts("slot").size));
    expect(ofSlots).toEqual([0, 1]);
  });

  it("writes which workloads a group belongs to", () => {
    const memory = emptyMemory();
    const workloads = [
      { within: [1], unsure: [] },
      { within: [0, 65], unsure: [limits.MAX_WORKLOADS - 1] },
    ];
    createTableWriter(memory, layouts)(0, { ...linked(), workloads }, new Map());
    const wordsOf = (group: number, field: string) => {
      const { offset, size } = fieldOf(layouts("group"), field);
      const bytes = bytesOf(memory.groups, "groups", 0, group).slice(offset, offset + size);
      return [...new BigUint64Array(bytes.buffer)];
    };
    expect(wordsOf(0, "within")).toEqual([2n, 0n, 0n, 0n]);
    expect(wordsOf(1, "within")).toEqual([1n, 2n, 0n, 0n]);
    expect(wordsOf(1, "unsure")).toEqual([0n, 0n, 0n, 1n << 63n]);
    expect([...wordsOf(0, "unsure"), ...wordsOf(2, "within")]).toEqual(Array(8).fill(0n));
  });

  it("leaves the other side alone, and nothing of what was there before", () => {
    const memory = emptyMemory();
    const write = createTableWriter(memory, layouts);
    const elements = (table: SidedTable, side: Side) =>
      Array.from({ length: structs[table][1] }, (_, i) => bytesOf(memory[table], table, side, i));
    for (const table of sidedTables)
      for (const side of [0, 1] as const) for (const one of elements(table, side)) one.fill(0xff);
    const empty = { hooks: [], groups: [], workloads: [], applications: [], rules: [] };
    const more = { rows: [], verdicts: [], bitSets: [], routes: [], assignments: [] };
    write(0, { ...linked(), ...empty, ...more }, new Map());
    for (const table of sidedTables) {
      const areAll = (side: Side, wanted: number) =>
        elements(table, side).every((bytes) => bytes.every((byte) => byte === wanted));
      expect([areAll(0, 0), areAll(1, 0xff)]).toEqual([true, true]);
    }
  });
});

describe("createSetEncoder", () => {
  const encode = createSetEncoder(layouts);
  const hex = (bytes: Uint8Array, length: number) =>
    Buffer.from(bytes.subarray(0, length)).toString("hex");

  it("writes keys as the programs look them up", () => {
    const [number] = encode(5, { kind: "ints", values: [0x1122n] });
    expect([number?.map, hex(number?.key ?? new Uint8Array(), 16)]).toEqual([
      "int_set",
      "05000000000000002211000000000000",
    ]);
    const [prefix] = encode(6, { kind: "prefixes", values: ["/etc"] });
    expect([prefix?.map, hex(prefix?.key ?? new Uint8Array(), 12)]).toEqual([
      "prefix_set",
      "40000000060000002f657463",
    ]);
    const [postfix] = encode(6, { kind: "postfixes", values: ["abc"] });
    expect(hex(postfix?.key ?? new Uint8Array(), 11)).toBe("3800000006000000636261");
    const [network] = encode(7, {
      kind: "networks",
      networks: [{ family: 4, address: "0a2a0000", prefixLength: 16 }],
    });
    expect([network?.map, hex(network?.key ?? new Uint8Array(), 16)]).toEqual([
      "addr_set",
      "5000000007000000020000000a2a0000",
    ]);
  });

  it.each([
    [56, "str_set_64"],
    [57, "str_set_256"],
    [248, "str_set_256"],
    [249, "str_set_4k"],
  ])("keeps a text of %i bytes in %s", (length, map) => {
    const [entry] = encode(9, { kind: "strings", values: ["x".repeat(length)] });
    expect(entry?.map).toBe(map);
    expect(entry?.key.byteLength).toBe(layouts(map.replace("set", "key")).size);
    expect(createSetIdReader(layouts)("str_set_64", entry?.key ?? new Uint8Array())).toBe(9);
  });
});
