// SPDX-License-Identifier: Apache-2.0
// For tests: what the programs do with the linker's tables, said as plainly as possible. What policies mean is in
// `src/reference/evaluate-selectors.ts`.
import { type ProcessProperty, processProperties, processPropertyNames } from "@gander/policy";
import { limits, processProperty, procFlags, rowFlags, rowOp } from "../src/link/abi.gen.ts";
import { numbersIn } from "../src/link/bit-set.ts";
import { markOfPolicy } from "../src/link/call-marks.ts";
import type { GroupWorkloads, LinkedRow, LinkedTables } from "../src/link/linked-tables.ts";
import { namespaceNames } from "../src/link/namespace-kinds.ts";
import { ordered, type RangedNumber } from "../src/link/range-tests.ts";
import type { SetContent } from "../src/link/set-interner.ts";
import { type FactState, filterHolds } from "../src/link/unknown-facts.ts";
import { type Call, file, raw, socket, text, type Value } from "../src/reference/call.ts";
import { gains, inNetwork, isSameFile, textMatches } from "../src/reference/filter-hits.ts";

function isDifference({ n, values }: LinkedRow, value: bigint, other: bigint): boolean {
  const [low = 0n, high = 0n, inverted = 0n, invertedOther = 0n] = values;
  const bound = (bits: bigint, sign: number) => (n & sign ? bits - (1n << 64n) : bits);
  const made = (value ^ inverted) - (other ^ invertedOther);
  return made >= bound(low, 1) && made <= bound(high, 2);
}

/** @returns the selector of the verdict that each rule of the hook reaches, by rule id. */
export function evaluateTables(
  tables: LinkedTables,
  hook: number,
  sets: (id: number) => SetContent | undefined,
  call: Call,
): Map<number, number> {
  const matched = new Map<number, number>();
  const { group = 0 } = call;
  const { slots = [], firstQuestion = 0 } = tables.hooks.find(({ id }) => id === hook) ?? {};
  const application = tables.applications[tables.groups[group]?.get(hook) ?? 0];
  const workloads = tables.workloads[group];
  const indexed = indexedRules(tables, hook, call);
  const valueIn = (slot: number) =>
    slots[slot]?.raw === limits.RAW_RETURN ? call.returned : call.args[slots[slot]?.raw ?? 0];
  const factFor = (row: LinkedRow) => factOfRow(row, valueIn(row.slot), call, { sets, workloads });
  const rowAt = (index: number): LinkedRow => {
    const row = tables.rows[index];
    if (row === undefined) throw new RangeError("a jump out of the table");
    return row;
  };
  const holds = (row: LinkedRow, fact: FactState) =>
    filterHolds(
      fact,
      {
        negate: (row.flags & rowFlags.ROW_NEGATE) !== 0,
        unknownHolds: (row.flags & rowFlags.ROW_UNKNOWN_HOLDS) !== 0,
      },
      () => {
        if (row.op === rowOp.ROW_WORKLOADS)
          return workloads?.within.includes(Number(row.values[0])) ?? false;
        const value = valueIn(row.slot);
        if (row.op !== rowOp.ROW_GAINED && row.op !== rowOp.ROW_DIFFERENCE)
          return rowHits(row, value, sets, call);
        const other = call.args[slots[row.set]?.raw ?? -1];
        return row.op === rowOp.ROW_GAINED
          ? gains(other, value, row.values[0])
          : isDifference(row, raw(value), raw(other));
      },
    );
  let left = new Set(application?.bits.filter((bit) => indexed?.has(bit) ?? true));
  for (let index = firstQuestion; index !== 0; index = rowAt(index).fail) {
    const row = rowAt(index);
    const fact = factFor(row);
    const isKnown = fact === "known" || fact === "absent";
    if (isKnown && !holds(row, fact)) left = left.intersection(keptBy(row, tables));
  }
  for (const bit of left) {
    const rule = tables.rules[(application?.firstRule ?? 0) + bit];
    let index = rule?.firstRow ?? 0;
    while (index !== 0) {
      const row = rowAt(index);
      const ok = holds(row, factFor(row));
      if (ok && row.flags & rowFlags.ROW_LAST) {
        matched.set(rule?.id ?? 0, tables.verdicts[row.verdict]?.selector ?? -1);
        break;
      }
      index = ok ? index + 1 : row.fail;
    }
  }
  return matched;
}

/** Rules for which a question that does not hold does not stand. */
function keptBy({ test = 0 }: LinkedRow, { bitSets }: LinkedTables): Set<number> {
  return new Set(numbersIn(bitSets[test & ((1 << limits.ASKING_SHIFT) - 1)] ?? 0n));
}

/** In the programs; of what is no row of its own: undefined. */
function readOf(property: ProcessProperty): number | undefined {
  const { read } = processProperties[property];
  return read === "TREE" ? undefined : processProperty[`PROPERTY_${read}`];
}

function propertyOfRow({ slot }: LinkedRow, { properties }: Call): number | undefined {
  const name = processPropertyNames.find((one) => readOf(one) === slot);
  return name && properties[name];
}

function factOfRow(
  row: LinkedRow,
  value: Value | undefined,
  call: Call,
  { sets, workloads }: { sets: SetContents; workloads: GroupWorkloads | undefined },
): FactState {
  const { op, flags } = row;
  const { facts = {} } = call;
  if (op === rowOp.ROW_ORIGIN) return facts.origin ?? "known";
  if (op === rowOp.ROW_WORKLOADS)
    return workloads?.unsure.includes(Number(row.values[0])) ? "unknown" : "known";
  if (isExecRow(row)) return facts.exec ?? execFactOfRow(row, sets, call);
  if (op === rowOp.ROW_PROPERTY) return propertyOfRow(row, call) === undefined ? "absent" : "known";
  if (flags & rowFlags.ROW_PARENT) return facts.parent ?? "known";
  if (op === rowOp.ROW_NAMESPACE_CHANGE || op === rowOp.ROW_CAPABILITY_CHANGE)
    return facts.before ?? "known";
  if (op >= rowOp.ROW_STR_EQUAL && op <= rowOp.ROW_STR_CONTAINS_ANY_CASE)
    return facts.text ?? "known";
  if (op >= rowOp.ROW_BINARY_EQUAL && op <= rowOp.ROW_BINARY_POSTFIX)
    return facts.binary ?? "known";
  if (op === rowOp.ROW_BINARY_FILE) return facts.file ?? "known";
  if (op === rowOp.ROW_FOLLOW) return facts.ancestors ?? "known";
  if (op === rowOp.ROW_NAMESPACE) return facts.namespaces ?? "known";
  if (facts.peer === "unknown" && op === rowOp.ROW_DADDR) return "unknown";
  if (facts.peer === "unknown" && op === rowOp.ROW_FAMILY && socket(value).addressFamily === 6)
    return "unknown";
  const ofAddresses = op >= rowOp.ROW_SADDR && op <= rowOp.ROW_DPORT;
  return ofAddresses && facts.peer === "absent" ? "absent" : "known";
}

/** Rules that the index leaves; undefined: all. What isn't known is left to the rows. */
function indexedRules(tables: LinkedTables, hook: number, call: Call): Set<number> | undefined {
  const { index, slots = [] } = tables.hooks.find(({ id }) => id === hook) ?? {};
  if (index === undefined) return undefined;
  const valueIn = (slot: number) =>
    slots[slot]?.raw === limits.RAW_RETURN ? call.returned : call.args[slots[slot]?.raw ?? 0];
  const { text: textFact = "known", peer: peerFact = "known", binary = "known" } = call.facts ?? {};
  const sets: number[] = [];
  const longest = (texts: Iterable<string>, holds: (one: string) => boolean) =>
    [...texts].filter(holds).sort((a, b) => b.length - a.length)[0] ?? "\0\0";
  if (index.numberSlot !== limits.NO_SLOT)
    sets.push(index.numbers.get(raw(valueIn(index.numberSlot))) ?? index.numberDefault);
  if (index.textSlot !== limits.NO_SLOT && (textFact === "known" || textFact === "forgeable")) {
    const value = text(valueIn(index.textSlot));
    const beginning = longest(index.prefixes.keys(), (one) => value.startsWith(one));
    const ending = longest(index.endings.keys(), (one) => value.endsWith(one));
    if (index.textDefault !== 0) sets.push(index.prefixes.get(beginning) ?? index.textDefault);
    if (index.endingDefault !== 0) sets.push(index.endings.get(ending) ?? index.endingDefault);
  }
  if (index.addressSlot !== limits.NO_SLOT && peerFact === "known") {
    const peer = socket(valueIn(index.addressSlot));
    const narrowest = [...index.networks]
      .filter(([network]) => inNetwork(network, peer, "daddr"))
      .sort(([a], [b]) => b.prefixLength - a.prefixLength)[0];
    sets.push(narrowest?.[1] ?? index.addressDefault);
  }
  if (binary === "known") {
    const path = longest(index.binaries.keys(), (one) => `${call.binary}\0`.startsWith(one));
    const ending = longest(index.binaryEndings.keys(), (one) => call.binary.endsWith(one));
    if (index.binaryDefault !== 0) sets.push(index.binaries.get(path) ?? index.binaryDefault);
    if (index.binaryEndingDefault !== 0)
      sets.push(index.binaryEndings.get(ending) ?? index.binaryEndingDefault);
  }
  if (index.range !== undefined) {
    const { bounds, signed } = index.range;
    const number = rangedNumber(index.range, call, valueIn);
    const inOrder = number === undefined ? undefined : ordered(number, signed);
    const bound = bounds.findLast(({ from }) => inOrder !== undefined && from <= inOrder);
    if (bound !== undefined) sets.push(bound.bitSet);
  }
  const chosen = sets.map((id) => new Set(numbersIn(tables.bitSets[id] ?? 0n)));
  return chosen.length === 0 ? undefined : chosen.reduce((one, other) => one.intersection(other));
}

/** The number that is looked up by ranges; undefined: it isn't known, or there is none. */
function rangedNumber(
  { of, slot }: RangedNumber,
  call: Call,
  valueIn: (slot: number) => Value | undefined,
): bigint | undefined {
  switch (of) {
    case rowOp.ROW_RANGE:
      return raw(valueIn(slot));
    case rowOp.ROW_SPORT:
    case rowOp.ROW_DPORT: {
      const { sport, dport } = socket(valueIn(slot));
      const isKnown = (call.facts?.peer ?? "known") === "known";
      return isKnown ? BigInt(of === rowOp.ROW_SPORT ? sport : dport) : undefined;
    }
    case rowOp.ROW_PID:
      return BigInt(call.pid);
    case rowOp.ROW_NS_PID:
      return BigInt(call.nsPid);
    case rowOp.ROW_NAMESPACE: {
      const name = namespaceNames[slot];
      const isKnown = name !== undefined && call.facts?.namespaces === undefined;
      return isKnown ? call.namespaces[name] : undefined;
    }
    case rowOp.ROW_PROPERTY: {
      const name = processPropertyNames.find((one) => readOf(one) === slot);
      const value = name && call.properties[name];
      return value === undefined ? undefined : BigInt(value);
    }
  }
  throw new RangeError("the programs don't know this number");
}

type SetContents = (id: number) => SetContent | undefined;

const isExecRow = ({ op }: LinkedRow) => op >= rowOp.ROW_EXEC_EQUAL && op <= rowOp.ROW_EXEC_SET;

function execTextsOfRow(row: LinkedRow, sets: SetContents, { exec }: Call): readonly string[] {
  const names = row.names ? sets(row.names) : undefined;
  if (names?.kind === "prefixes")
    return exec.env
      .filter((text) => names.values.some((name) => text.startsWith(name)))
      .map((text) => text.slice(text.indexOf("=") + 1));
  return row.slot === limits.NO_SLOT ? exec.args : exec.args.slice(row.slot, row.slot + 1);
}

function execFactOfRow(row: LinkedRow, sets: SetContents, call: Call): FactState {
  if (row.op === rowOp.ROW_EXEC_SET) return "known";
  const outcomes = execTextsOfRow(row, sets, call).map((one) => fits(row, sets(row.set), one));
  if (outcomes.length === 0) return "absent";
  return row.names && new Set(outcomes).size > 1 ? "unknown" : "known";
}

/** Whether a text of a new program is one that the row is for. */
function fits(row: LinkedRow, set: SetContent | undefined, value: string): boolean {
  if (row.op === rowOp.ROW_EXEC_SET) return true;
  if (row.op === rowOp.ROW_EXEC_CONTAINS) return contains(row, set, value);
  if (row.op === rowOp.ROW_EXEC_CONTAINS_ANY_CASE) return contains(row, set, value.toLowerCase());
  return inTexts(set, value);
}

const capabilityOrder = ["effective", "permitted", "inheritable"] as const;

function rowHits(row: LinkedRow, value: Value | undefined, sets: SetContents, call: Call): boolean {
  const set = sets(row.set);
  if (isExecRow(row)) return execTextsOfRow(row, sets, call).some((one) => fits(row, set, one));
  const values = row.values.slice(0, row.n);
  const pairs = values.map((pair) => [pair >> 32n, pair & 0xffff_ffffn] as const);
  const ordered = (one: bigint) =>
    BigInt.asIntN(
      64,
      row.flags & rowFlags.ROW_SIGNED ? one : BigInt.asUintN(64, one) ^ (1n << 63n),
    );
  const inSetOrValues = (one: bigint) =>
    row.n > 0 ? values.includes(one) : set?.kind === "ints" && set.values.includes(one);
  const inPairs = (port: number) => pairs.some(([low, high]) => port >= low && port <= high);
  switch (row.op) {
    case rowOp.ROW_ALWAYS:
      return true;
    case rowOp.ROW_EQUAL:
    case rowOp.ROW_INT_SET:
      return inSetOrValues(raw(value));
    case rowOp.ROW_GREATER:
      return ordered(raw(value)) > ordered(values[0] ?? 0n);
    case rowOp.ROW_LESS:
      return ordered(raw(value)) < ordered(values[0] ?? 0n);
    case rowOp.ROW_MASK:
      return (raw(value) & (values[0] ?? 0n)) !== 0n;
    case rowOp.ROW_RANGE:
      return inRange(row, raw(value), ordered);
    case rowOp.ROW_STR_EQUAL:
    case rowOp.ROW_STR_PREFIX:
    case rowOp.ROW_STR_POSTFIX:
      return inTexts(set, text(value));
    case rowOp.ROW_STR_CONTAINS:
      return contains(row, set, text(value));
    case rowOp.ROW_STR_CONTAINS_ANY_CASE:
      return contains(row, set, text(value).toLowerCase());
    case rowOp.ROW_BINARY_EQUAL:
    case rowOp.ROW_BINARY_PREFIX:
    case rowOp.ROW_BINARY_POSTFIX:
      return inTexts(set, row.flags & rowFlags.ROW_PARENT ? call.parent : call.binary);
    case rowOp.ROW_BINARY_FILE:
      return set?.kind === "files" && set.files.some((file) => isSameFile(file, call.file));
    case rowOp.ROW_SADDR:
    case rowOp.ROW_DADDR: {
      const side = row.op === rowOp.ROW_SADDR ? "saddr" : "daddr";
      return (
        set?.kind === "networks" &&
        set.networks.some((network) => inNetwork(network, socket(value), side))
      );
    }
    case rowOp.ROW_SPORT:
      return inPairs(socket(value).sport);
    case rowOp.ROW_DPORT:
      return inPairs(socket(value).dport);
    case rowOp.ROW_PROTOCOL:
      return inSetOrValues(BigInt(socket(value).protocol));
    case rowOp.ROW_FAMILY:
      return inSetOrValues(BigInt(socket(value).family));
    case rowOp.ROW_STATE:
      return inSetOrValues(BigInt(socket(value).state));
    case rowOp.ROW_PID:
      return inSetOrValues(BigInt(call.pid));
    case rowOp.ROW_NS_PID:
      return inSetOrValues(BigInt(call.nsPid));
    case rowOp.ROW_FILE_TYPE:
      return inSetOrValues(BigInt(file(value).fileType));
    case rowOp.ROW_ORIGIN:
      return inSetOrValues(BigInt(file(value).origin));
    case rowOp.ROW_FOLLOW: {
      // The bit of a list has been set by all that is in the row's set.
      if (row.flags & rowFlags.ROW_PARENT)
        return call.ancestorBinaries.some((binary) => inTexts(set, binary));
      const { zero, first } = call.ancestors;
      const known = (zero ? procFlags.PROC_OF_HOST : 0) | (first ? procFlags.PROC_IN_INIT_TREE : 0);
      return (BigInt(known) & (values[1] ?? 0n)) !== 0n;
    }
    case rowOp.ROW_TALLY:
      return call.isReached ?? false;
    case rowOp.ROW_MARKED_CALL:
      return call.mark !== undefined && values[0] === markOfPolicy(0, call.mark);
    case rowOp.ROW_NAMESPACE:
      return values.includes(call.namespaces[namespaceNames[row.set] ?? "uts"]);
    case rowOp.ROW_CAPABILITY:
      return (
        (call.capabilities[capabilityOrder[row.set] ?? "effective"] & (values[0] ?? 0n)) !== 0n
      );
    case rowOp.ROW_PROPERTY: {
      const of = propertyOfRow(row, call);
      return [0, 2]
        .slice(0, row.n)
        .some(
          (i) => of !== undefined && of >= (row.values[i] ?? 1n) && of <= (row.values[i + 1] ?? 0n),
        );
    }
    case rowOp.ROW_NAMESPACE_CHANGE:
      return namespaceNames.some(
        (name, kind) =>
          ((values[0] ?? 0n) >> BigInt(kind)) & 1n &&
          call.namespaces[name] !== call.before.namespaces[name],
      );
    case rowOp.ROW_CAPABILITY_CHANGE: {
      const kind = capabilityOrder[row.set] ?? "effective";
      const changed = call.capabilities[kind] ^ call.before.capabilities[kind];
      return (changed & (values[0] ?? 0n)) !== 0n;
    }
    default:
      throw new RangeError(`no such operator: ${row.op}`);
  }
}

function inRange(row: LinkedRow, value: bigint, ordered: (one: bigint) => bigint): boolean {
  const [low = 0n, high = 0n, low2 = 0n, high2 = 0n] = row.values.map(ordered);
  const one = ordered(value);
  return (one >= low && one <= high) || (row.n === 2 && one >= low2 && one <= high2);
}

function inTexts(set: SetContent | undefined, value: string): boolean {
  if (set === undefined || !("values" in set) || set.kind === "ints") return false;
  const match = set.kind === "strings" ? "equal" : set.kind === "prefixes" ? "prefix" : "postfix";
  return set.values.some((one) => textMatches(match, value, one));
}

function contains(row: LinkedRow, set: SetContent | undefined, value: string): boolean {
  return [...Buffer.from(value)].some((byte, i) => {
    const begins = ((row.values[byte >> 6] ?? 0n) >> BigInt(byte & 63)) & 1n;
    return begins && inTexts(set, Buffer.from(value).subarray(i).toString());
  });
}
