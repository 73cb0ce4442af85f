// SPDX-License-Identifier: Apache-2.0

import { type ArgTypeRow, boundTest, type OperatorKind } from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import { parseNumberOf, parseRangeOf } from "../language/named-integers.ts";
import { quote, type Range, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";

/** A test of an integer argument; `scope` is that of the values. */
export function compileIntegerValues(
  kind: OperatorKind,
  negate: boolean,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  if (kind === "range") return rangeTest(negate, type, values, scope);
  if (kind === "in-map") return mapTest(negate, type, values, scope);
  const bound = boundTest(kind);
  const bounds = bound?.bits ? maskBounds(type) : boundsOf(type);
  const numbers = readAll(values, scope, (text) =>
    within(parseNumberOf(type, text), text, bounds, type),
  );
  if (!numbers) return undefined;
  const sorted = sortedSet(numbers);
  if (!bound) return { op: sorted.length > 4 ? "in-set" : "equal", negate, values: sorted };
  const unsigned = (value: bigint) => BigInt.asUintN(type.bits ?? 64, value);
  const value = bound.join(bound.bits ? sorted.map(unsigned) : sorted);
  const [least, greatest] = boundsOf(type);
  const never = bound.never(value, { name: type.type, least, greatest });
  if (never !== undefined)
    scope.error(
      "policy-contradiction",
      `${never}, so the filter never holds`,
      "Correct the value or leave the filter out.",
    );
  return { op: bound.op, negate, values: [value] };
}

const boundsOf = ({ bits = 64, signed }: ArgTypeRow): Range =>
  signed
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n];

/** A mask consists of bits, so 0x80000000 is valid for an int. */
const maskBounds = (type: ArgTypeRow): Range => [
  boundsOf(type)[0],
  (1n << BigInt(type.bits ?? 64)) - 1n,
];

function within(
  value: Value<bigint>,
  text: string,
  [low, high]: Range,
  type: ArgTypeRow,
): Value<bigint> {
  if ("wrong" in value || (value.ok >= low && value.ok <= high)) return value;
  return {
    wrong: `${quote(text)} does not fit into ${type.type}, which is ${low} to ${high}`,
    hint: fittingHint(value.ok, type),
  };
}

function fittingHint(value: bigint, { bits = 64, signed, type }: ArgTypeRow): string {
  const same = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  const magnitude = value < 0n ? -value : value;
  if (magnitude < 1n << BigInt(bits)) return `The same bits as ${type} are ${same}.`;
  return "Correct the value, or give the argument a wider type, if the function has one.";
}

function rangeTest(
  negate: boolean,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const ranges = readAll(values, scope, (text) =>
    rangeWithin(parseRangeOf(type, text), text, type),
  );
  return ranges && checkedRanges(negate, mergeRanges(ranges), type, scope);
}

function checkedRanges(
  negate: boolean,
  ranges: readonly Range[],
  type: ArgTypeRow,
  scope: Scope,
): ArgTest | undefined {
  if (ranges.length > limits.ranges) {
    scope.error(
      "policy-out-of-bounds",
      `The filter has ${ranges.length} ranges; ${limits.ranges} are possible`,
      "Join neighbouring ranges, or write single numbers with InMap.",
    );
    return undefined;
  }
  const [low, high] = boundsOf(type);
  if (ranges.length === 1 && ranges[0]?.[0] === low && ranges[0][1] === high) {
    scope.warning(
      "policy-contradiction",
      `The range holds every ${type.type}`,
      "Leave the filter out, or correct the range.",
    );
  }
  return { op: "range", negate, ranges };
}

function mapTest(
  negate: boolean,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const ranges = readAll(values, scope, (text) =>
    rangeWithin(parseRangeOf(type, text), text, type),
  );
  if (!ranges) return undefined;
  const merged = mergeRanges(ranges);
  const size = merged.reduce((sum, [low, high]) => sum + (high - low + 1n), 0n);
  const single = ranges.every(([low, high]) => low === high);
  if (!single && size > limits.expandedRange) return checkedRanges(negate, merged, type, scope);
  const numbers: bigint[] = [];
  for (const [low, high] of merged) for (let n = low; n <= high; n++) numbers.push(n);
  return { op: "in-set", negate, values: numbers };
}

function rangeWithin(range: Value<Range>, text: string, type: ArgTypeRow): Value<Range> {
  if ("wrong" in range) return range;
  for (const end of range.ok) {
    const checked = within({ ok: end }, end.toString(), boundsOf(type), type);
    if ("wrong" in checked)
      return {
        wrong: checked.wrong.replace(quote(end.toString()), quote(text)),
        hint: checked.hint,
      };
  }
  return range;
}

/** Sorted, with overlapping and touching ranges joined. */
export function mergeRanges(ranges: readonly Range[]): readonly Range[] {
  const merged: [bigint, bigint][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => compare(a[0], b[0]))) {
    const last = merged.at(-1);
    if (!last || low > last[1] + 1n) merged.push([low, high]);
    else if (high > last[1]) last[1] = high;
  }
  return merged;
}

const sortedSet = (numbers: readonly bigint[]): readonly bigint[] =>
  [...new Set(numbers)].sort(compare);

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
