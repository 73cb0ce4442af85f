// SPDX-License-Identifier: Apache-2.0
import { argTests, hasForm, type NamespaceName, processProperties } from "@gander/policy";
import { processProperty, rowOp } from "./abi.gen.ts";
import type { PlainFilter } from "./alternatives.ts";
import { type BitSet, bitSetOf } from "./bit-set.ts";
import { mergeRanges, type Range, type ValuePlace, widen } from "./filter-rows.ts";
import { namespaceKinds } from "./namespace-kinds.ts";

/** A number that rules compare: of an argument, of a socket, or of the process. */
export type RangedNumber = {
  /** enum row_op: of the rows that read it as the index does. */
  readonly of: number;
  /** Of the hook, or which namespace or property. */
  readonly slot: number;
  readonly signed: boolean;
};

/** A filter whose number must be in one of the ranges, or in none. In the order of the number; both ends included. */
export type RangeTest = { readonly ranges: readonly Range[]; readonly negate: boolean };

/** Where the outcome of a hook's rules may change: from this number on, up to the next bound's. */
export type Bound = { readonly from: bigint; readonly rules: BitSet };

type Context = {
  readonly place: (arg: number | "return") => ValuePlace;
  readonly hostNamespace: (name: NamespaceName) => bigint;
};

const highest = 2n ** 64n - 1n;

/** The number that a filter tests, and how; undefined: it does not ask for ranges of a number. */
export function rangeTestOf(
  filter: PlainFilter,
  { place, hostNamespace }: Context,
): (RangedNumber & { readonly test: RangeTest }) | undefined {
  const equal = (numbers: readonly (number | bigint)[]) =>
    numbers.map((one): Range => [BigInt(one), BigInt(one)]);
  const plain = (of: number, slot: number, ranges: readonly Range[], negate: boolean) => ({
    ...{ of, slot, signed: false, test: { ranges, negate } },
  });
  switch (filter.on) {
    case "arg":
      return argTest(filter, place(filter.arg));
    case "pid": {
      if (filter.followForks) return undefined;
      const of = filter.inNamespace ? rowOp.ROW_NS_PID : rowOp.ROW_PID;
      return plain(of, 0, equal(filter.pids), filter.negate);
    }
    case "namespace": {
      const { namespace, negate } = filter;
      const ids = filter.ids.map((id) => (id === "host" ? hostNamespace(namespace) : id));
      return plain(rowOp.ROW_NAMESPACE, namespaceKinds[namespace], equal(ids), negate);
    }
    case "process": {
      const { read } = processProperties[filter.property];
      if (read === "TREE") return undefined;
      const ranges = filter.ranges.map(([low, high]): Range => [BigInt(low), BigInt(high)]);
      const slot = processProperty[`PROPERTY_${read}`];
      return plain(rowOp.ROW_PROPERTY, slot, ranges, filter.negate);
    }
  }
  return undefined;
}

function argTest({ arg, test }: Extract<PlainFilter, { on: "arg" }>, place: ValuePlace) {
  // The programs have a return value later than they look into the index.
  if (arg === "return") return undefined;
  const { slot, signed } = place;
  const { negate } = test;
  if (hasForm(test, "ports")) {
    const ranges = test.ranges.map(([low, high]): Range => [BigInt(low), BigInt(high)]);
    const of = rowOp[`ROW_${argTests[test.op].row}`];
    return { of, slot, signed: false, test: { ranges, negate } };
  }
  const inOrder = (value: bigint) => ordered(widen(value, place), signed);
  const ranges = rangesOf(test, inOrder);
  return ranges && { of: rowOp.ROW_RANGE, slot, signed, test: { ranges, negate } };
}

function rangesOf(
  test: Extract<PlainFilter, { on: "arg" }>["test"],
  inOrder: (value: bigint) => bigint,
): Range[] | undefined {
  if (hasForm(test, "ranges"))
    return test.ranges.map(([low, high]): Range => [inOrder(low), inOrder(high)]);
  if (!hasForm(test, "bound") || test.op === "mask") return undefined;
  const bound = inOrder(argTests[test.op].join(test.values));
  return [test.op === "greater" ? [bound + 1n, highest] : [0n, bound - 1n]];
}

/** Signed numbers begin with the least: as unsigned ones they compare alike. */
export function ordered(number: bigint, signed: boolean): bigint {
  return signed ? number ^ (1n << 63n) : number;
}

/**
 * The rules that each number leaves. The first bound is 0; neighbours differ.
 * @param tested by rule: the tests of which one must hold; a rule without an entry accepts any number.
 */
export function boundsOf(
  all: readonly number[],
  tested: ReadonlyMap<number, Iterable<RangeTest>>,
): Bound[] {
  const changes = new Map<bigint, number[]>();
  const changeAt = (from: bigint, rule: number) => {
    if (from > highest) return;
    const rules = changes.get(from);
    if (rules === undefined) changes.set(from, [rule]);
    else rules.push(rule);
  };
  for (const [rule, tests] of tested) {
    for (const [low, high] of mergeRanges([...tests].flatMap(rangesThatHold))) {
      changeAt(low, rule);
      changeAt(high + 1n, rule);
    }
  }
  let rules = bitSetOf(all.filter((rule) => !tested.has(rule)));
  const bounds: Bound[] = changes.has(0n) ? [] : [{ from: 0n, rules }];
  for (const from of [...changes.keys()].sort((a, b) => (a < b ? -1 : 1))) {
    rules ^= bitSetOf(changes.get(from) ?? []);
    bounds.push({ from, rules });
  }
  return bounds;
}

function rangesThatHold({ ranges, negate }: RangeTest): Range[] {
  const merged = mergeRanges(ranges.filter(([low, high]) => low <= high));
  if (!negate) return merged;
  const others: Range[] = [];
  let low = 0n;
  for (const [from, to] of merged) {
    if (low < from) others.push([low, from - 1n]);
    low = to + 1n;
  }
  return low <= highest ? [...others, [low, highest]] : others;
}
