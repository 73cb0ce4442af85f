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
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";

/** Arrays with two sides: element i of side s is at s * half + i. */
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

export type Side = 0 | 1;

/** The memory of an array map. */
export type TableMemory = {
  readonly buffer: ArrayBuffer;
  /** Bytes from one element to the next. */
  readonly stride: number;
};

type TableWriter = (side: Side, tables: LinkedTables, cacheKeys: CacheKeys) => void;

const halves: Readonly<Record<SidedTable, number>> = {
  groups: limits.MAX_GROUPS,
  hooks: limits.MAX_HOOKS,
  applications: limits.MAX_APPLICATIONS,
  rules: limits.MAX_RULES,
  rows: limits.MAX_ROWS,
  verdicts: limits.MAX_VERDICTS,
  bitsets: limits.MAX_BITSETS,
  bounds: limits.MAX_BOUNDS,
  routes: limits.MAX_ROUTES,
  assignments: limits.MAX_ASSIGNMENTS,
};

/** Writes linked tables into a side that no program reads, and clears what it held before. */
export function createTableWriter(
  memory: Readonly<Record<SidedTable, TableMemory>>,
  layouts: StructLayouts,
): TableWriter {
  const writers = { ...smallWriters(layouts), ...arrayWriters(layouts) };
  const views = Object.fromEntries(
    sidedTables.map((name) => [name, new DataView(memory[name].buffer)]),
  ) as Record<SidedTable, DataView>;
  const place = (table: SidedTable, side: Side, index: number) =>
    (side * halves[table] + index) * memory[table].stride;
  const clear = (table: SidedTable, side: Side) => {
    const { buffer, stride } = memory[table];
    new Uint8Array(buffer, side * halves[table] * stride, halves[table] * stride).fill(0);
  };
  return (side, tables, cacheKeys) => {
    for (const table of sidedTables) clear(table, side);
    for (const [i, row] of tables.rows.entries())
      if (row !== undefined) writers.row(views.rows, place("rows", side, i), row);
    for (const [i, verdict] of tables.verdicts.entries()) {
      if (verdict !== undefined)
        writers.verdict(views.verdicts, place("verdicts", side, i), verdict);
    }
    for (const [i, rule] of tables.rules.entries())
      writers.rule(views.rules, place("rules", side, i), rule);
    for (const hook of tables.hooks) {
      const keys = { index: indexKey(side, hook), cache_key: cacheKeys.get(hook.id) ?? 0 };
      writers.hook(views.hooks, place("hooks", side, hook.id), hook, keys);
      for (const [i, bound] of paddedBounds(hook.index))
        writers.bound(views.bounds, place("bounds", side, hook.firstBound + i), bound);
    }
    for (const [i, application] of tables.applications.entries()) {
      if (application !== undefined)
        writers.application(views.applications, place("applications", side, i), application);
    }
    for (const [i, group] of tables.groups.entries())
      writers.group(views.groups, place("groups", side, i), group);
    for (const [i, workloads] of tables.workloads.entries())
      writers.workloads(views.groups, place("groups", side, i), workloads);
    for (const [i, rules] of tables.bitSets.entries())
      if (rules !== undefined) writers.bitSet(views.bitsets, place("bitsets", side, i), rules);
    for (const [i, route] of tables.routes.entries())
      if (route !== undefined) writers.route(views.routes, place("routes", side, i), route);
    for (const [i, step] of tables.assignments.entries())
      if (step !== undefined)
        writers.assignment(views.assignments, place("assignments", side, i), step);
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
  );
  const args = fieldOf(layouts("rule"), "args").offset;
  const application = createStructWriter(layouts("application"), "first_rule", "flags", "summary");
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
    const words = wordsOf(item.bits, limits.RULE_WORDS);
    const summary = words.reduce(
      (all, word, i) => (word === 0n ? all : all | (1n << BigInt(i))),
      0n,
    );
    application(view, at, { first_rule: item.firstRule, flags: item.flags, summary });
    writeWords(view, at + bits, words);
    writeWords(view, at + execTests, wordsOf(item.execTests, limits.EXEC_GROUPS));
  };
  const writeGroup: Write<Item<"groups">> = (view, at, item) => {
    for (const [id, index] of item) view.setUint16(at + group + 2 * id, index, true);
  };
  const writeWorkloads: Write<GroupWorkloads> = (view, at, item) => {
    writeWords(view, at + within, wordsOf(item.within, limits.WORKLOAD_WORDS));
    writeWords(view, at + unsure, wordsOf(item.unsure, limits.WORKLOAD_WORDS));
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
function paddedBounds(index: RuleIndex | undefined): [number, Bound][] {
  const bounds = index?.range?.bounds ?? [];
  const last = bounds.at(-1);
  if (last === undefined) return [];
  const length = 2 ** Math.ceil(Math.log2(bounds.length));
  const highest = { ...last, from: 2n ** 64n - 1n };
  return Array.from({ length }, (_, i) => [i, bounds[i] ?? highest]);
}

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
    writeWords(view, at + textRules, wordsOf(index?.textRules ?? [], limits.RULE_WORDS));
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
    bounds: paddedBounds(index).length,
  };
}

function writeWords(view: DataView, at: number, words: readonly bigint[]): void {
  for (const [i, word] of words.entries()) view.setBigUint64(at + 8 * i, word, true);
}

/** Bits in 64-bit words. */
function wordsOf(bits: readonly number[], length: number): bigint[] {
  const words = Array.from({ length }, () => 0n);
  for (const bit of bits) {
    const word = Math.floor(bit / 64);
    words[word] = (words[word] ?? 0n) | (1n << BigInt(bit % 64));
  }
  return words;
}
