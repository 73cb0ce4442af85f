// SPDX-License-Identifier: Apache-2.0
import type { ArgTypeRow } from "@gander/crd-schemas";
import { and, type Formula, or } from "./formula.ts";
import {
  complement,
  type IntegerSet,
  intersection,
  isSubset,
  type Range,
  union,
} from "./integer-sets.ts";

/**
 * A number that depends on one argument: `slope * number + offset`, where `number` is the argument as its type has
 * it, or as a type of 32 bits with the same bits has it. Calculations are exact; where one leaves the 64 bits of the
 * Common Expression Language, the expression has no value.
 */
export type LinearTerm = {
  readonly is: "linear";
  readonly arg: number;
  readonly type: ArgTypeRow;
  /** Of `number`. */
  readonly view: View;
  readonly slope: 1n | -1n;
  readonly offset: bigint;
  /** The numbers for which no calculation so far has left its range. */
  readonly valid: Range;
};

/** Bits of an argument: `(number & mask) ^ flip`, in 64 bits. */
export type BitsTerm = {
  readonly is: "bits";
  readonly arg: number;
  readonly type: ArgTypeRow;
  /** Of the result. */
  readonly signed: boolean;
  readonly mask: bigint;
  readonly flip: bigint;
};

/** How the bits of an argument are read. */
export type View = { readonly signed: boolean; readonly range: Range; readonly bits: number };

const rangeOf = (bits: number, signed: boolean): Range =>
  signed
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n];

/** The numbers of `int` and `uint` in the Common Expression Language. */
export const domainOf = (signed: boolean): Range => rangeOf(64, signed);

export function viewOf({ bits = 64, signed = false }: Pick<ArgTypeRow, "bits" | "signed">): View {
  return { signed, range: rangeOf(bits, signed), bits };
}

export function argument(arg: number, type: ArgTypeRow): LinearTerm {
  const view = viewOf(type);
  return { is: "linear", arg, type, view, slope: 1n, offset: 0n, valid: view.range };
}

export const isPlain = ({ slope, offset }: LinearTerm): boolean => slope === 1n && offset === 0n;

/** `factor * term + by`. */
export function shifted(term: LinearTerm, factor: 1n | -1n, by: bigint): LinearTerm {
  const slope = term.slope === factor ? 1n : -1n;
  const next = { ...term, slope, offset: factor * term.offset + by } as const;
  const [low, high] = numbersIn(next, [domainOf(term.view.signed)])[0] ?? [1n, 0n];
  const [least, greatest] = term.valid;
  return { ...next, valid: [low > least ? low : least, high < greatest ? high : greatest] };
}

/** The numbers for which the term is in the set. */
function numbersIn({ slope, offset }: LinearTerm, set: IntegerSet): IntegerSet {
  return union(
    set.map(([low, high]) =>
      slope === 1n ? [low - offset, high - offset] : [offset - high, offset - low],
    ),
  );
}

/** The term read as a type of 32 bits; undefined: its bits are not those of the argument. */
export function as32Bits(term: LinearTerm, signed: boolean): LinearTerm | undefined {
  const range = rangeOf(32, signed);
  const values = term.slope === 1n ? term.valid : ([-term.valid[1], -term.valid[0]] as const);
  if (isSubset([[values[0] + term.offset, values[1] + term.offset]], range)) return term;
  if (!isPlain(term) || term.view.bits > 32) return undefined;
  return { ...term, view: { signed, range, bits: 32 }, valid: range };
}

/** Whether the term is in the set, or out of it; neither where it has no value. */
export function isIn(term: LinearTerm, set: IntegerSet, wanted: boolean): Formula {
  const inside = numbersIn(term, wanted ? set : complement(set));
  const numbers = intersection(inside, term.valid[0] > term.valid[1] ? [] : [term.valid]);
  const values = asArgument(numbers, term);
  return values.length === 0 ? false : { is: "set", arg: term.arg, set: values };
}

/** The values of the argument's type that have the bits of these numbers. */
function asArgument(numbers: IntegerSet, { view, type }: LinearTerm): IntegerSet {
  const moved = turnsOf(view, type).flatMap((by) =>
    numbers.map(([low, high]): Range => [low + by, high + by]),
  );
  return intersection(union(moved), [viewOf(type).range]);
}

/** What is added to a number, as its bits are read, for the value of its type. */
export function turnsOf(view: View, type: ArgTypeRow): readonly bigint[] {
  const own = viewOf(type).range;
  const turn = 1n << BigInt(view.bits);
  return view.range[0] === own[0] && view.range[1] === own[1] ? [0n] : [-turn, 0n, turn];
}

const allBits = (1n << 64n) - 1n;

/** The bits of a term; undefined: they are not those of an argument. */
export function bitsOf(term: LinearTerm | BitsTerm): BitsTerm | undefined {
  if (term.is === "bits") return term;
  const { arg, type, view } = term;
  const { signed = false, bits = 64 } = type;
  if (!isPlain(term)) return undefined;
  if (view.signed === signed) return { is: "bits", arg, type, signed, mask: allBits, flip: 0n };
  // The sign of an argument's 32 bits is not extended.
  if (view.signed || bits !== 32) return undefined;
  return { is: "bits", arg, type, signed: false, mask: 0xffff_ffffn, flip: 0n };
}

/** All bits of the term flipped; undefined: how many they are is not known. */
export function inverted(term: LinearTerm | BitsTerm): LinearTerm | BitsTerm | undefined {
  if (term.is === "bits") {
    const width = term.signed ? 64 : widthOf(term.type.bits);
    return width && flipped(term, (1n << BigInt(width)) - 1n);
  }
  if (term.view.signed) return shifted(term, -1n, -1n);
  const width = widthOf(term.view.bits);
  return width && isPlain(term) ? shifted(term, -1n, (1n << BigInt(width)) - 1n) : undefined;
}

const widthOf = (bits: number | undefined) => (bits === 32 || bits === 64 ? bits : undefined);

export const masked = (term: BitsTerm, by: bigint): BitsTerm => {
  const bits = BigInt.asUintN(64, by);
  return { ...term, mask: term.mask & bits, flip: term.flip & bits };
};

export const flipped = (term: BitsTerm, by: bigint): BitsTerm => ({
  ...term,
  flip: term.flip ^ BigInt.asUintN(64, by),
});

/** With the bits of `by` set: cleared, then flipped. */
export const withBits = (term: BitsTerm, by: bigint): BitsTerm => flipped(masked(term, ~by), by);

/** Whether the bits are those of `value`, or not. */
export function bitsAre(term: BitsTerm, value: bigint, wanted: boolean): Formula {
  const { arg, mask } = term;
  const [least, greatest] = domainOf(term.signed);
  if (value < least || value > greatest) return !wanted && exists(term);
  const number = BigInt.asUintN(64, value) ^ term.flip;
  if ((number & ~mask) !== 0n) return !wanted && exists(term);
  const { bits = 64, signed = false } = term.type;
  let [set, clear] = [0n, 0n];
  for (let at = 0n; at < 64n; at++) {
    if (((mask >> at) & 1n) === 0n) continue;
    // Above the width of the type are copies of its sign, or zeros.
    const bit = at < bits ? at : BigInt(bits - 1);
    const isSet = ((number >> at) & 1n) === 1n;
    if (at >= bits && !signed) {
      if (isSet) return !wanted && exists(term);
    } else if (isSet) set |= 1n << bit;
    else clear |= 1n << bit;
  }
  if ((set & clear) !== 0n) return !wanted && exists(term);
  const ones = Array.from({ length: bits }, (_, at) => 1n << BigInt(at)).filter((bit) => set & bit);
  const literals = [
    ...ones.map((bit): Formula => ({ is: "bits", arg, bits: bit, some: wanted })),
    ...(clear === 0n ? [] : [{ is: "bits" as const, arg, bits: clear, some: !wanted }]),
  ];
  if (literals.length === 0) return wanted && exists(term);
  return wanted ? and(literals) : or(literals);
}

/** Whether one of the bits is set, or none; undefined: they are not bits of the argument as they are. */
export function hasBits(term: BitsTerm, wanted: boolean): Formula | undefined {
  return term.flip === 0n ? bitsAre(term, 0n, !wanted) : undefined;
}

/** Any value. */
const exists = ({ arg, type }: BitsTerm): Formula => ({
  is: "set",
  arg,
  set: [viewOf(type).range],
});
