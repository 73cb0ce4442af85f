// SPDX-License-Identifier: Apache-2.0

/** Numbers from 0 on, as the bits of one: quick to compare and to combine. */
export type BitSet = bigint;

export function bitSetOf(numbers: Iterable<number>): BitSet {
  const words: number[] = [];
  for (const number of numbers)
    words[number >> 5] = ((words[number >> 5] ?? 0) | (1 << (number & 31))) >>> 0;
  const digits = Array.from(words, (word = 0) => word.toString(16).padStart(8, "0"));
  return BigInt(`0x0${digits.reverse().join("")}`);
}

/**
 * As a key of maps: numbers as long as these are slow keys themselves, because only their lowest 64 bits are hashed.
 */
export const bitSetText = (set: BitSet): string => set.toString(32);

/** Ascending. */
export function numbersIn(set: BitSet): number[] {
  const numbers: number[] = [];
  for (let rest = set, first = 0; rest !== 0n; rest >>= 32n, first += 32) {
    for (let word = Number(rest & 0xffff_ffffn); word !== 0; word &= word - 1)
      numbers.push(first + 31 - Math.clz32(word & -word));
  }
  return numbers;
}
