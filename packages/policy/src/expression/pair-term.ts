// SPDX-License-Identifier: Apache-2.0
import { and, type Formula, or } from "./formula.ts";
import {
  complement,
  everything,
  type IntegerSet,
  intersection,
  type Range,
} from "./integer-sets.ts";
import { domainOf, type LinearTerm, turnsOf, viewOf } from "./integer-term.ts";

/** A number that depends on two arguments: the sum of two terms, and a constant. */
export type PairTerm = {
  readonly is: "pair";
  readonly terms: readonly [LinearTerm, LinearTerm];
  readonly signed: boolean;
  readonly offset: bigint;
  /** The sums of the two terms for which no calculation so far has left its range. */
  readonly valid: Range;
};

/** `left + factor * right`, of terms that both have a sign, or both none. */
export function sumOf(left: LinearTerm, right: LinearTerm, factor: 1n | -1n): PairTerm {
  const { signed } = left.view;
  const terms = [left, times(right, factor)] as const;
  return { is: "pair", terms, signed, offset: 0n, valid: domainOf(signed) };
}

/** The distance of two terms that are compared: nothing is calculated that could leave its range. */
export function differenceOf(left: LinearTerm, right: LinearTerm): PairTerm {
  return { ...sumOf(left, right, -1n), valid: everything };
}

/** `factor * term + by`. */
export function shiftedSum(term: PairTerm, factor: 1n | -1n, by: bigint): PairTerm {
  const [first, second] = term.terms;
  const offset = factor * term.offset + by;
  const [least, greatest] = factor === 1n ? term.valid : negative(term.valid);
  const [low, high] = domainOf(term.signed);
  const valid = [max(least, low - offset), min(greatest, high - offset)] as const;
  return { ...term, terms: [times(first, factor), times(second, factor)], offset, valid };
}

/** Whether the term is in the set, or out of it; neither where it has no value. */
export function isSumIn(
  { terms, offset, valid }: PairTerm,
  set: IntegerSet,
  wanted: boolean,
): Formula {
  const inside = moved(wanted ? set : complement(set), -offset);
  const sums = intersection(inside, valid[0] > valid[1] ? [] : [valid]);
  const [firsts, seconds] = terms.map(partsOf) as [readonly Part[], readonly Part[]];
  return or(firsts.flatMap((first) => seconds.map((second) => isIn(first, second, sums))));
}

const max = (a: bigint, b: bigint) => (a > b ? a : b);
const min = (a: bigint, b: bigint) => (a < b ? a : b);
const negative = ([low, high]: Range): Range => [-high, -low];

const moved = (set: IntegerSet, by: bigint): IntegerSet =>
  set.map(([low, high]) => [low + by, high + by]);

const times = (term: LinearTerm, factor: 1n | -1n): LinearTerm =>
  factor === 1n ? term : { ...term, slope: term.slope === 1n ? -1n : 1n, offset: -term.offset };

/** A range of an argument's own values for which a term is `slope * value + offset`. */
type Part = {
  readonly arg: number;
  readonly range: Range;
  /** All that its type has. */
  readonly own: Range;
  readonly slope: 1n | -1n;
  readonly offset: bigint;
};

/** Several for an argument of which the sign is read as part of the number, or the other way round. */
function partsOf({ arg, type, view, slope, offset, valid }: LinearTerm): readonly Part[] {
  const own = viewOf(type).range;
  return turnsOf(view, type).flatMap((turn) =>
    intersection(valid[0] > valid[1] ? [] : [[valid[0] + turn, valid[1] + turn]], [own]).map(
      (range) => ({ arg, range, own, slope, offset: offset - slope * turn }),
    ),
  );
}

/** No two numbers of 64 bits are as far apart, or have such a sum. */
export const farthest: Range = [-(1n << 65n), 1n << 65n];

/** Whether the sum of both is in the set. */
function isIn(one: Part, other: Part, set: IntegerSet): Formula {
  const [a, b] = one.arg <= other.arg ? [one, other] : [other, one];
  const at = moved(set, -(a.offset + b.offset));
  const how = a.slope === b.slope ? "sum" : "difference";
  const wanted = a.slope === 1n ? at : at.map(negative).reverse();
  const possible: Range =
    how === "sum"
      ? [a.range[0] + b.range[0], a.range[1] + b.range[1]]
      : [a.range[0] - b.range[1], a.range[1] - b.range[0]];
  const found = intersection(wanted, [possible]);
  const [first] = found;
  if (first === undefined) return false;
  const isAny = first[0] === possible[0] && first[1] === possible[1];
  const ranges = [a, b]
    .filter(({ range, own }) => isAny || range[0] !== own[0] || range[1] !== own[1])
    .map(({ arg, range }): Formula => ({ is: "set", arg, set: [range] }));
  if (isAny) return and(ranges);
  const pair: Formula = {
    ...{ is: "pair", arg: a.arg, other: b.arg, how },
    set: intersection(wanted, [farthest]),
  };
  return and([...ranges, pair]);
}
