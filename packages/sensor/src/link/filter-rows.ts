// SPDX-License-Identifier: Apache-2.0
import {
  argTests,
  argTypeRows,
  type ExecTest,
  type NamespaceName,
  processProperties,
  type TestForm,
  type TestOf,
  type WorkloadSelector,
} from "@gander/policy";
import {
  capabilityKind,
  limits,
  pathMatch,
  processProperty,
  procFlags,
  rowFlags,
  rowOp,
  valueType,
} from "./abi.gen.ts";
import type { PlainFilter } from "./alternatives.ts";
import { markOfPolicy } from "./call-marks.ts";
import type { FileIdentity } from "./file-identity.ts";
import type { FollowBits } from "./follow-bits.ts";
import { namespaceKinds } from "./namespace-kinds.ts";
import type { SetInterner } from "./set-interner.ts";

/** A row before its place is known. */
export type OpenRow = {
  readonly op: number;
  readonly slot: number;
  readonly flags: number;
  readonly set: number;
  readonly n: number;
  readonly values: readonly bigint[];
  /** Of variables; absent: 0. */
  readonly names?: number;
};

/** Where a value is and how to compare it. */
export type ValuePlace = {
  readonly slot: number;
  /** enum value_type */
  readonly type: number;
  readonly signed: boolean;
  /** The raw argument isn't the value itself, but leads to it. */
  readonly isDistant: boolean;
};

export type FilterContext = {
  /** The place of the argument at this position of the policy's list. */
  readonly place: (arg: number | "return") => ValuePlace;
  readonly sets: SetInterner;
  readonly follow: FollowBits;
  /** The policy's number in marks of calls. */
  readonly policyId: number;
  /** The file at a path of the host; undefined: no such file. */
  readonly fileIdentity: (path: string) => FileIdentity | undefined;
  /** Inode number of the host's namespace. */
  readonly hostNamespace: (name: NamespaceName) => bigint;
  /** The number by which groups know the workloads. */
  readonly workloadsNumber: (workloads: WorkloadSelector) => number;
};

/** All entries must hold; of an entry with several rows, one must. */
type RowsOfFilter = readonly (readonly OpenRow[])[];

const inlineValues = limits.ROW_VALUES;

/** The rows of one filter: usually one; values that don't fit into one become alternatives. */
export function filterRows(filter: PlainFilter, context: FilterContext): RowsOfFilter {
  switch (filter.on) {
    case "arg":
      return argRows(filter, context);
    case "pid":
      return [[pidRow(filter, context)]];
    case "binary":
    case "parent-binary":
      return [[binaryRow(filter, context)]];
    case "ancestor-binary":
      return [[followedRow(filter, rowFlags.ROW_PARENT, context)]];
    case "workloads":
      return [[workloadsRow(filter, context)]];
    case "marked":
      return [[markedRow(filter, context)]];
    case "namespace":
      return namespaceRows(filter, context);
    case "process":
      return propertyRows(filter);
    case "exec-argument":
      return [[execRow(filter.test, { slot: filter.index ?? limits.NO_SLOT }, context.sets)]];
    case "exec-variable":
      return [[variableRow(filter, context.sets)]];
    case "namespace-change":
      return [[namespaceChangeRow(filter)]];
    case "capability":
      return [[capabilityRow("ROW_CAPABILITY", filter)]];
    case "capability-change":
      return capabilityChangeRows(filter);
  }
}

/** Cheap filters come first, those that need a path last; all must hold, so the order is free. */
export function filterCost(filter: PlainFilter): number {
  if (filter.on === "workloads") return 0;
  if (["binary", "parent-binary", "ancestor-binary"].includes(filter.on)) return 2;
  if (filter.on === "exec-argument" || filter.on === "exec-variable") return 5;
  if (filter.on !== "arg") return 1;
  return forms[argTests[filter.test.op].form].cost;
}

function argRows(
  { arg, test }: Filter<"arg">,
  { place: placeOf, sets }: FilterContext,
): RowsOfFilter {
  const { form, row } = argTests[test.op];
  const place = placeOf(arg);
  const onReturn = arg === "return" ? rowFlags.ROW_ON_RETURN : 0;
  const open: OpenRow = {
    op: rowOp[`ROW_${row}`],
    slot: place.slot,
    flags: onReturn | (test.negate ? rowFlags.ROW_NEGATE : 0),
    set: 0,
    n: 0,
    values: [],
  };
  return forms[form].rows(test as never, open, { place, placeOf, sets });
}

type RowContext = {
  readonly place: ValuePlace;
  readonly placeOf: FilterContext["place"];
  readonly sets: SetInterner;
};

/** Texts are compared alike wherever they are. */
type ContextOf<Form extends TestForm> = Form extends "texts"
  ? Pick<RowContext, "sets">
  : RowContext;

/** How tests with values of each form are evaluated. */
const forms: {
  readonly [Form in TestForm]: {
    /** Of its rows, relative to those of other filters. */
    readonly cost: number;
    readonly rows: (test: TestOf<Form>, row: OpenRow, context: ContextOf<Form>) => RowsOfFilter;
  };
} = {
  integers: {
    cost: 0,
    rows: ({ values }, row, { place, sets }) => {
      const widened = values.map((value) => widen(value, place));
      return [[valuesRow(row, widened, sets)]];
    },
  },
  bound: {
    cost: 0,
    rows: ({ op, values }, row, { place }) => [
      [{ ...signedAt(row, place), n: 1, values: [widen(argTests[op].join(values), place)] }],
    ],
  },
  gained: {
    cost: 1,
    rows: ({ before, values }, row, { placeOf }) => [
      [{ ...row, n: 1, values, set: placeOf(before).slot }],
    ],
  },
  pairs: {
    cost: 1,
    rows: ({ op, other, ranges }, row, { place, placeOf }) =>
      differenceRows(row, ranges, [place, placeOf(other), op]),
  },
  ranges: {
    cost: 0,
    rows: ({ ranges }, row, { place }) =>
      chunkRows(signedAt(row, place), mergeRanges(ranges), inlineValues / 2, (range) =>
        range.map((bound) => widen(bound, place)),
      ),
  },
  texts: {
    cost: 4,
    rows: ({ op, values }, row, { sets }) => {
      const { set: kind } = argTests[op];
      if (kind === "postfixes") return [[postfixRow(row, values, sets)]];
      const isPart = op === "str-contains" || op === "str-contains-any-case";
      const first = isPart ? { values: firstBytes(values) } : {};
      return [[{ ...row, ...first, set: sets.intern({ kind, values }) }]];
    },
  },
  networks: {
    cost: 3,
    rows: ({ networks }, row, { sets }) => [
      [{ ...row, set: sets.intern({ kind: "networks", networks }) }],
    ],
  },
  ports: {
    cost: 3,
    rows: ({ ranges }, row) => {
      const ports = ranges.map(([low, high]) => [BigInt(low), BigInt(high)] as const);
      const encode = ([low, high]: Range) => [(low << 32n) | high];
      return chunkRows(row, mergeRanges(ports), inlineValues, encode);
    },
  },
  numbers: {
    cost: 3,
    rows: ({ values }, row, { sets }) => [[valuesRow(row, values.map(BigInt), sets)]],
  },
};

/** 256 bits: the bytes that the values begin with. */
function firstBytes(values: readonly string[]): bigint[] {
  const bits = maskOf(values.map((value) => Buffer.from(value)[0] ?? 0));
  return [0n, 64n, 128n, 192n].map((at) => BigInt.asUintN(64, bits >> at));
}

/** Up to four values are in the row itself, more are in a set. */
function valuesRow(row: OpenRow, values: readonly bigint[], sets: SetInterner): OpenRow {
  const distinct = [...new Set(values)];
  if (distinct.length <= inlineValues) return { ...row, n: distinct.length, values: distinct };
  const op = row.op === rowOp.ROW_EQUAL ? rowOp.ROW_INT_SET : row.op;
  return { ...row, op, set: sets.intern({ kind: "ints", values: distinct }) };
}

function signedAt(row: OpenRow, place: ValuePlace): OpenRow {
  return place.signed ? { ...row, flags: row.flags | rowFlags.ROW_SIGNED } : row;
}

/** Splits what doesn't fit into one row: negated rows must all hold, others are alternatives. */
function chunkRows<T>(
  row: OpenRow,
  items: readonly T[],
  perRow: number,
  encode: (item: T) => readonly bigint[],
): RowsOfFilter {
  const rows: OpenRow[] = [];
  for (let i = 0; i < items.length; i += perRow) {
    const chunk = items.slice(i, i + perRow);
    rows.push({ ...row, n: chunk.length, values: chunk.flatMap(encode) });
  }
  return row.flags & rowFlags.ROW_NEGATE ? rows.map((one) => [one]) : [rows];
}

const allBits = (1n << 64n) - 1n;

/**
 * The programs subtract numbers without a sign: of one with a sign they invert the highest bit, which adds 2^63, and
 * of what is added they invert all bits: that is 2^64 - 1 minus it.
 */
function differenceRows(
  row: OpenRow,
  ranges: readonly Range[],
  [first, second, how]: readonly [ValuePlace, ValuePlace, "difference" | "sum"],
): RowsOfFilter {
  const moves = [first, second].map(({ signed }) => (signed ? 1n << 63n : 0n));
  const [move = 0n, other = 0n] = moves;
  const by = how === "difference" ? move - other : move + other - allBits;
  const inverted = how === "difference" ? other : other ^ allBits;
  const rows = ranges.map(([low, high]): OpenRow => {
    const from = low + by < -allBits ? -allBits : low + by;
    const to = high + by > allBits ? allBits : high + by;
    // No difference is beyond: such a range is written as one that ends before it begins.
    const [least, greatest] = from > allBits || to < -allBits ? [1n, 0n] : [from, to];
    const n = (least < 0n ? 1 : 0) | (greatest < 0n ? 2 : 0);
    const bounds = [least, greatest].map((one) => BigInt.asUintN(64, one));
    return { ...row, set: second.slot, n, values: [...bounds, move, inverted] };
  });
  return row.flags & rowFlags.ROW_NEGATE ? rows.map((one) => [one]) : [rows];
}

export type Range = readonly [bigint, bigint];

export function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: [bigint, bigint][] = [];
  for (const [low, high] of [...ranges].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = merged.at(-1);
    if (last === undefined || low > last[1] + 1n) merged.push([low, high]);
    else if (high > last[1]) last[1] = high;
  }
  return merged;
}

type Filter<On extends PlainFilter["on"]> = Extract<PlainFilter, { on: On }>;

function pidRow(filter: Filter<"pid">, { sets, follow }: FilterContext): OpenRow {
  const op = filter.inNamespace ? rowOp.ROW_NS_PID : rowOp.ROW_PID;
  const row = {
    op,
    slot: 0,
    flags: filter.negate ? rowFlags.ROW_NEGATE : 0,
    set: 0,
    n: 0,
    values: [],
  };
  if (filter.followForks && filter.inNamespace) return treeRow(row, filter.pids);
  if (filter.followForks) return followRow(row, follow.bit({ pids: filter.pids }));
  return valuesRow(row, filter.pids.map(BigInt), sets);
}

const binaryMatches = {
  equal: { op: rowOp.ROW_BINARY_EQUAL, path: pathMatch.PATH_EQUAL, kind: "strings" },
  prefix: { op: rowOp.ROW_BINARY_PREFIX, path: pathMatch.PATH_PREFIX, kind: "prefixes" },
  postfix: { op: rowOp.ROW_BINARY_POSTFIX, path: pathMatch.PATH_POSTFIX, kind: "postfixes" },
} as const;

function binaryRow(
  filter: Filter<"binary"> | Filter<"parent-binary">,
  context: FilterContext,
): OpenRow {
  const { sets, fileIdentity } = context;
  const of = filter.on === "parent-binary" ? rowFlags.ROW_PARENT : 0;
  const flags = (filter.negate ? rowFlags.ROW_NEGATE : 0) | of;
  const rest = { slot: 0, flags, set: 0, n: 0, values: [] };
  if (filter.match === "file") {
    const files = filter.paths.flatMap((path) => fileIdentity(path) ?? []);
    return { op: rowOp.ROW_BINARY_FILE, ...rest, set: sets.intern({ kind: "files", files }) };
  }
  const { match, paths } = filter;
  if (filter.followChildren) return followedRow({ ...filter, match }, of, context);
  const { op, kind } = binaryMatches[match];
  const row = { op, ...rest };
  if (kind === "postfixes") return postfixRow(row, paths, sets);
  return { ...row, set: sets.intern({ kind, values: paths }) };
}

/** Of the process itself or its parent (ROW_PARENT): whether it, or an ancestor of it, has run such a program. */
function followedRow(
  filter: Pick<Filter<"ancestor-binary">, "negate" | "match" | "paths">,
  of: number,
  { sets, follow }: FilterContext,
): OpenRow {
  const { path, kind } = binaryMatches[filter.match];
  const set = sets.intern({ kind, values: filter.paths });
  const flags = (filter.negate ? rowFlags.ROW_NEGATE : 0) | of;
  const bit = follow.bit({ binaries: set, match: path });
  // It matches by its binary as well, so that it also matches when its bit is set too late.
  return followRow({ op: rowOp.ROW_FOLLOW, slot: path, flags, set, n: 0, values: [] }, bit);
}

function followRow(row: OpenRow, bit: number): OpenRow {
  return { ...row, op: rowOp.ROW_FOLLOW, n: 1, values: [1n << BigInt(bit)] };
}

/** What descends from PID 0 of a namespace (on the host: everything) and from PID 1 is known of each process. */
function treeRow(row: OpenRow, pids: readonly number[]): OpenRow {
  const flags =
    (pids.includes(0) ? procFlags.PROC_OF_HOST : 0) |
    (pids.includes(1) ? procFlags.PROC_IN_INIT_TREE : 0);
  return { ...row, op: rowOp.ROW_FOLLOW, n: 2, values: [0n, BigInt(flags)] };
}

/** The programs reverse only as much of a text as the longest value needs. */
function postfixRow(row: OpenRow, values: readonly string[], sets: SetInterner): OpenRow {
  const longest = Math.max(...values.map((value) => Buffer.byteLength(value)));
  return { ...row, set: sets.intern({ kind: "postfixes", values }), values: [BigInt(longest)] };
}

function namespaceRows(filter: Filter<"namespace">, context: FilterContext): RowsOfFilter {
  const host = context.hostNamespace(filter.namespace);
  const ids = [...new Set(filter.ids.map((id) => (id === "host" ? host : BigInt(id))))];
  const flags = filter.negate ? rowFlags.ROW_NEGATE : 0;
  const set = namespaceKinds[filter.namespace];
  return chunkRows(
    { op: rowOp.ROW_NAMESPACE, slot: 0, flags, set, n: 0, values: [] },
    ids,
    inlineValues,
    (id) => [id],
  );
}

function propertyRows({ property, negate, ranges }: Filter<"process">): RowsOfFilter {
  const { read } = processProperties[property];
  if (read === "TREE") return initTreeRows({ negate, ranges });
  const slot = processProperty[`PROPERTY_${read}`];
  const flags = negate ? rowFlags.ROW_NEGATE : 0;
  return chunkRows(
    { op: rowOp.ROW_PROPERTY, slot, flags, set: 0, n: 0, values: [] },
    ranges,
    inlineValues / 2,
    (range) => range.map(BigInt),
  );
}

const execRows = {
  "str-equal": "ROW_EXEC_EQUAL",
  "str-prefix": "ROW_EXEC_PREFIX",
  "str-postfix": "ROW_EXEC_POSTFIX",
  "str-contains": "ROW_EXEC_CONTAINS",
  "str-contains-any-case": "ROW_EXEC_CONTAINS_ANY_CASE",
  exists: "ROW_EXEC_SET",
} as const satisfies Readonly<Record<ExecTest["op"], keyof typeof rowOp>>;

/** Values are compared as those of arguments are. */
function execRow(
  test: ExecTest,
  part: Pick<OpenRow, "slot" | "names">,
  sets: SetInterner,
): OpenRow {
  const flags = test.negate ? rowFlags.ROW_NEGATE : 0;
  const row = { op: rowOp[execRows[test.op]], flags, set: 0, n: 0, values: [], ...part };
  if (test.op === "exists") return row;
  const [[open] = []] = forms.texts.rows(test, row, { sets });
  if (open === undefined) throw new Error("texts have one row");
  return open;
}

/** With its "=", so that a name does not stand for those that begin with it. */
function variableRow({ names, test }: Filter<"exec-variable">, sets: SetInterner): OpenRow {
  const values = names.map((name) => `${name}=`);
  return execRow(test, { slot: 0, names: sets.intern({ kind: "prefixes", values }) }, sets);
}

/** By the rows of matchPIDs with 0 and 1. The host's processes are in no container: neither value fits them. */
function initTreeRows({ negate, ranges }: Pick<Filter<"process">, "negate" | "ranges">) {
  const wants = (value: number) =>
    ranges.some(([low, high]) => value >= low && value <= high) !== negate;
  const row = { op: rowOp.ROW_FOLLOW, slot: 0, flags: 0, set: 0, n: 0, values: [] };
  const notIn = (...pids: readonly number[]) => [
    treeRow({ ...row, flags: rowFlags.ROW_NEGATE }, pids),
  ];
  if (wants(0)) return [wants(1) ? notIn(0) : notIn(0, 1)];
  return [[treeRow(row, wants(1) ? [1] : [])], notIn(0)];
}

const capabilitySets = {
  effective: capabilityKind.CAPS_EFFECTIVE,
  inheritable: capabilityKind.CAPS_INHERITABLE,
  permitted: capabilityKind.CAPS_PERMITTED,
};

function workloadsRow(
  { workloads }: Filter<"workloads">,
  { workloadsNumber }: FilterContext,
): OpenRow {
  const values = [BigInt(workloadsNumber(workloads))];
  return { op: rowOp.ROW_WORKLOADS, slot: 0, flags: 0, set: 0, n: 1, values };
}

function markedRow(filter: Filter<"marked">, { policyId }: FilterContext): OpenRow {
  const op = rowOp.ROW_MARKED_CALL;
  return { op, slot: 0, flags: 0, set: 0, n: 1, values: [markOfPolicy(policyId, filter)] };
}

function capabilityRow(
  op: "ROW_CAPABILITY" | "ROW_CAPABILITY_CHANGE",
  filter: Omit<Filter<"capability">, "on">,
): OpenRow {
  const flags =
    (filter.negate ? rowFlags.ROW_NEGATE : 0) |
    (filter.inUserNamespace ? rowFlags.ROW_IN_USER_NS : 0);
  return {
    op: rowOp[op],
    slot: 0,
    flags,
    set: capabilitySets[filter.set],
    n: 1,
    values: [maskOf(filter.capabilities)],
  };
}

/** Negated, there are two conditions: another capability has changed, and none of these has. */
function capabilityChangeRows(filter: Filter<"capability-change">): RowsOfFilter {
  const row = capabilityRow("ROW_CAPABILITY_CHANGE", filter);
  if (!filter.negate) return [[row]];
  const others = BigInt.asUintN(64, ~maskOf(filter.capabilities));
  return [[{ ...row, flags: row.flags & ~rowFlags.ROW_NEGATE, values: [others] }], [row]];
}

function namespaceChangeRow({ namespaces }: Filter<"namespace-change">): OpenRow {
  const mask = maskOf(namespaces.map((name) => namespaceKinds[name]));
  return { op: rowOp.ROW_NAMESPACE_CHANGE, slot: 0, flags: 0, set: 0, n: 1, values: [mask] };
}

function maskOf(bits: readonly number[]): bigint {
  return bits.reduce((all, bit) => all | (1n << BigInt(bit)), 0n);
}

/** By enum value_type; types that aren't numbers themselves (a descriptor, a port) are held in 64 bits. */
const bitsOf: ReadonlyMap<number, number> = new Map(
  argTypeRows.flatMap(({ read, bits }) =>
    bits === undefined ? [] : [[valueType[`VALUE_${read}`], bits]],
  ),
);

/** The value as the programs hold it: sign- or zero-extended to 64 bits. */
export function widen(value: bigint, { type, signed }: ValuePlace): bigint {
  const bits = bitsOf.get(type) ?? 64;
  return BigInt.asUintN(64, signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
}
