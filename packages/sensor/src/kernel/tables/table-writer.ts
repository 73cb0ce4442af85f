// SPDX-License-Identifier: Apache-2.0

import type { ValueRoute } from "@gander/policy";
import { limits, routeFlags } from "../../link/abi.gen.ts";
import type { BitSet } from "../../link/bit-set.ts";
import type {
  GroupWorkloads,
  LinkedAssignment,
  LinkedTables,
  RangeIndex,
  RuleIndex,
} from "../../link/linked-tables.ts";
import type { CacheKeys } from "./cache-keys.ts";
import { indexKey } from "./index-key.ts";
import type { Side, SidedMemory } from "./sided-memory.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";

/** Tables with two sides. */
export const sidedTables = [
  "groups",
  "hooks",
  "applications",
  "rules",
  "rows",
  "verdicts",
  "bitsets",
  "bounds",
  "routes",
  "assignments",
] as const;
export type SidedTable = (typeof sidedTables)[number];

type TableWriter = (side: Side, tables: LinkedTables, cacheKeys: CacheKeys) => void;

/** Writes linked tables into a side that no program reads, and clears what it held before. */
export function createTableWriter(
  memory: Readonly<Record<SidedTable, SidedMemory>>,
  layouts: StructLayouts,
): TableWriter {
  const writers = { ...smallWriters(layouts), ...arrayWriters(layouts) };
  return (side, tables, cacheKeys) => {
    const put = <Item>(
      table: SidedTable,
      write: Write<Item>,
      items: Iterable<readonly [index: number, item: Item | undefined]>,
    ) => {
      for (const [index, item] of items) {
        if (item === undefined) continue;
        const { view, at } = memory[table].place(side, index);
        write(view, at, item);
      }
    };
    for (const table of sidedTables) memory[table].clear(side);
    put("rows", writers.row, tables.rows.entries());
    put("verdicts", writers.verdict, tables.verdicts.entries());
    put("rules", writers.rule, tables.rules.entries());
    for (const hook of tables.hooks) {
      const { view, at } = memory.hooks.place(side, hook.id);
      const keys = { index: indexKey(side, hook), cache_key: cacheKeys.get(hook.id) ?? 0 };
      writers.hook(view, at, hook, keys);
      put("bounds", writers.bound, paddedBounds(hook));
    }
    put("applications", writers.application, tables.applications.entries());
    put("groups", writers.group, tables.groups.entries());
    put("groups", writers.workloads, tables.workloads.entries());
    put("bitsets", writers.bitSet, tables.bitSets.entries());
    put("routes", writers.route, tables.routes.entries());
    put("assignments", writers.assignment, tables.assignments.entries());
  };
}

type Write<Item> = (view: DataView, at: number, item: Item) => void;
type Item<Key extends "rows" | "verdicts" | "rules" | "hooks" | "applications" | "groups"> =
  NonNullable<LinkedTables[Key][number]>;

function smallWriters(layouts: StructLayouts) {
  const row = createStructWriter(
    layouts("row"),
    "op",
    "slot",
    "flags",
    "n",
    "set",
    "fail",
    "verdict",
    "names",
    "test",
  );
  const values = fieldOf(layouts("row"), "values").offset;
  const verdict = createStructWriter(
    layouts("verdict"),
    "actions",
    "error",
    "signal",
    "rate_scope",
    "selector",
    "counter",
    "rate_window_ns",
    "tracked",
    "untracked",
    "set_argument",
    "set_value",
    "mark",
    "first_assignment",
    "nassignments",
  );
  return {
    row: (view: DataView, at: number, item: Item<"rows">) => {
      row(view, at, { ...item, names: item.names ?? 0, test: item.test ?? 0 });
      for (const [i, value] of item.values.entries())
        view.setBigUint64(at + values + 8 * i, value, true);
    },
    verdict: (view: DataView, at: number, item: Item<"verdicts">) =>
      verdict(view, at, {
        ...item,
        set_argument: item.set?.argument ?? 0,
        set_value: item.set?.value ?? 0,
        first_assignment: item.firstAssignment,
        nassignments: item.assignments?.length ?? 0,
        rate_scope: item.rateScope,
        rate_window_ns: BigInt(item.rateWindowMs) * 1_000_000n,
      }),
  };
}

function arrayWriters(layouts: StructLayouts) {
  const rule = createStructWriter(
    layouts("rule"),
    "id",
    "first_row",
    "flags",
    "policy",
    "nargs",
    "return_slot",
    "socket_slot",
    "fuse",
  );
  const args = fieldOf(layouts("rule"), "args").offset;
  const application = createStructWriter(layouts("application"), "first_rule", "flags");
  const summary = fieldOf(layouts("application"), "summary").offset;
  const bits = fieldOf(layouts("application"), "bits").offset;
  const execTests = fieldOf(layouts("application"), "exec_tests").offset;
  const group = fieldOf(layouts("group"), "application").offset;
  const within = fieldOf(layouts("group"), "within").offset;
  const unsure = fieldOf(layouts("group"), "unsure").offset;
  const writeRule: Write<Item<"rules">> = (view, at, item) => {
    rule(view, at, {
      ...item,
      first_row: item.firstRow,
      nargs: item.args.length,
      return_slot: item.returnSlot,
      socket_slot: item.socketSlot,
    });
    for (const [i, index] of item.args.entries()) view.setUint8(at + args + i, index);
  };
  const writeApplication: Write<Item<"applications">> = (view, at, item) => {
    application(view, at, { first_rule: item.firstRule, flags: item.flags });
    const words = item.bits.map((bit) => bit >> 6);
    setBits(view, at + summary, words);
    setBits(view, at + bits, item.bits);
    setBits(view, at + execTests, item.execTests);
  };
  const writeGroup: Write<Item<"groups">> = (view, at, item) => {
    for (const [id, index] of item) view.setUint16(at + group + 2 * id, index, true);
  };
  const writeWorkloads: Write<GroupWorkloads> = (view, at, item) => {
    setBits(view, at + within, item.within);
    setBits(view, at + unsure, item.unsure);
  };
  const writeBitSet: Write<BitSet> = (view, at, rules) => {
    for (let rest = rules, word = at; rest !== 0n; rest >>= 64n, word += 8)
      view.setBigUint64(word, BigInt.asUintN(64, rest), true);
  };
  const bound = createStructWriter(layouts("bound"), "from", "bitset");
  const writeBound: Write<Bound> = (view, at, { from, bitSet }) =>
    bound(view, at, { from, bitset: bitSet });
  return {
    bound: writeBound,
    rule: writeRule,
    hook: createHookWriter(layouts),
    application: writeApplication,
    group: writeGroup,
    workloads: writeWorkloads,
    bitSet: writeBitSet,
    route: createRouteWriter(layouts),
    assignment: createAssignmentWriter(layouts),
  };
}

function createAssignmentWriter(layouts: StructLayouts): Write<LinkedAssignment> {
  const fields = ["value", "kind", "from", "from_size", "to", "size", "to_size"] as const;
  const write = createStructWriter(layouts("assignment"), ...fields);
  return (view, at, item) =>
    write(view, at, {
      ...item,
      value: BigInt.asUintN(64, item.value),
      from_size: item.fromSize,
      to_size: item.toSize,
    });
}

function createRouteWriter(layouts: StructLayouts): Write<ValueRoute> {
  const layout = layouts("route");
  const fields = ["steps", "flags", "size", "shift_left", "shift_right", "room", "offset"] as const;
  const write = createStructWriter(layout, ...fields);
  const dereferences = fieldOf(layout, "dereferences").offset;
  return (view, at, item) => {
    write(view, at, {
      steps: item.dereferences.length,
      flags:
        (item.source === "current-task" ? routeFlags.ROUTE_FROM_TASK : 0) |
        (item.source === "registers" ? routeFlags.ROUTE_FROM_REGISTERS : 0) |
        (item.signed ? routeFlags.ROUTE_SIGNED : 0),
      size: item.size,
      // The first shift leaves no bits above the number, the second none below it.
      shift_left: item.size === 0 ? 0 : 64 - item.bits - item.shift,
      shift_right: item.size === 0 ? 0 : 64 - item.bits,
      room: item.room,
      offset: item.offset,
    });
    for (const [i, offset] of item.dereferences.entries())
      view.setUint32(at + dereferences + 4 * i, offset, true);
  };
}

const longestOf = (texts: Iterable<string>) =>
  Math.max(0, ...Array.from(texts, (text) => Buffer.byteLength(text)));

/** As many as the programs can halve: the last one is repeated, for the highest number. */
function paddedBounds({ index, firstBound }: BoundsOfHook): [number, Bound][] {
  const bounds = index?.range?.bounds ?? [];
  const last = bounds.at(-1);
  if (last === undefined) return [];
  const length = 2 ** Math.ceil(Math.log2(bounds.length));
  const highest = { ...last, from: 2n ** 64n - 1n };
  return Array.from({ length }, (_, i) => [firstBound + i, bounds[i] ?? highest]);
}

type BoundsOfHook = Pick<Item<"hooks">, "index" | "firstBound">;

type Bound = RangeIndex["bounds"][number];

type HookKeys = Readonly<Record<"index" | "cache_key", number>>;

function createHookWriter(layouts: StructLayouts) {
  const layout = layouts("hook");
  const hook = createStructWriter(
    layout,
    "nslots",
    "index",
    "cache_key",
    "index_int",
    "index_text",
    "index_addr",
    "int_default",
    "text_default",
    "ending_default",
    "longest_ending",
    "binary_ending_default",
    "longest_binary_ending",
    "addr_default",
    "binary_default",
    "first_rule",
    "flags",
    "exec_rows",
    "first_question",
    "range_of",
    "range_slot",
    "range_signed",
    "first_bound",
    "bounds",
  );
  const textRules = fieldOf(layout, "text_rules").offset;
  const slots = fieldOf(layout, "slots").offset;
  const slot = createStructWriter(
    layouts("slot"),
    "type",
    "flags",
    "raw",
    "size_raw",
    "size",
    "route",
  );
  const slotSize = layouts("slot").size;
  return (view: DataView, at: number, item: Item<"hooks">, keys: HookKeys): void => {
    const { index } = item;
    hook(view, at, {
      ...indexFields(index),
      ...keys,
      nslots: item.slots.length,
      first_rule: item.firstRule,
      first_bound: item.firstBound,
      flags: item.flags,
      exec_rows: item.execRows,
      first_question: item.firstQuestion,
    });
    setBits(view, at + textRules, index?.textRules ?? []);
    for (const [i, one] of item.slots.entries())
      slot(view, at + slots + i * slotSize, {
        ...one,
        size_raw: one.sizeRaw,
        route: item.routes[i] ?? 0,
      });
  };
}

function indexFields(index: RuleIndex | undefined) {
  return {
    index_int: index?.numberSlot ?? limits.NO_SLOT,
    index_text: index?.textSlot ?? limits.NO_SLOT,
    index_addr: index?.addressSlot ?? limits.NO_SLOT,
    int_default: index?.numberDefault ?? 0,
    text_default: index?.textDefault ?? 0,
    ending_default: index?.endingDefault ?? 0,
    longest_ending: longestOf(index?.endings.keys() ?? []),
    binary_ending_default: index?.binaryEndingDefault ?? 0,
    longest_binary_ending: longestOf(index?.binaryEndings.keys() ?? []),
    addr_default: index?.addressDefault ?? 0,
    binary_default: index?.binaryDefault ?? 0,
    range_of: index?.range?.of ?? 0,
    range_slot: index?.range?.slot ?? 0,
    range_signed: Number(index?.range?.signed ?? false),
    bounds: paddedBounds({ index, firstBound: 0 }).length,
  };
}

/** Sets bits of words that are zero. */
function setBits(view: DataView, at: number, bits: Iterable<number>): void {
  for (const bit of bits) {
    const byte = at + (bit >> 3);
    view.setUint8(byte, view.getUint8(byte) | (1 << (bit & 7)));
  }
}
