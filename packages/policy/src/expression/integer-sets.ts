// SPDX-License-Identifier: Apache-2.0

/** Inclusive. */
export type Range = readonly [bigint, bigint];

/** A set of integers: ranges in ascending order that neither overlap nor touch. */
export type IntegerSet = readonly Range[];

/** Every integer that a policy or a kernel can have, and some more. */
export const everything: Range = [-(1n << 70n), 1n << 70n];

/** Sorted, with overlapping and touching ranges joined. */
export function union(ranges: readonly Range[]): IntegerSet {
  const merged: [bigint, bigint][] = [];
  for (const [low, high] of [...ranges].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = merged.at(-1);
    if (!last || low > last[1] + 1n) merged.push([low, high]);
    else if (high > last[1]) last[1] = high;
  }
  return merged;
}

export function intersection(a: IntegerSet, b: IntegerSet): IntegerSet {
  const common: Range[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [one = everything, other = everything] = [a[i], b[j]];
    const range = [larger(one[0], other[0]), smaller(one[1], other[1])] as const;
    if (range[0] <= range[1]) common.push(range);
    if (one[1] < other[1]) i++;
    else j++;
  }
  return common;
}

/** What of `whole` is not in the set. */
export function complement(set: IntegerSet, whole: Range = everything): IntegerSet {
  const rest: Range[] = [];
  let from = whole[0];
  for (const [low, high] of intersection(set, [whole])) {
    if (low > from) rest.push([from, low - 1n]);
    from = high + 1n;
  }
  if (from <= whole[1]) rest.push([from, whole[1]]);
  return rest;
}

export const isSubset = (set: IntegerSet, whole: Range): boolean =>
  set.every(([low, high]) => low >= whole[0] && high <= whole[1]);

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
