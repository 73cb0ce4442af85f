// SPDX-License-Identifier: Apache-2.0

/**
 * A set of small numbers, 32 per word. A plain array: there are thousands, and a typed array takes two
 * hundred bytes before its first element. Absent words are empty.
 */
export type Bits = number[];

export function hasBit(bits: Bits, index: number): boolean {
  return ((bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
}

export function setBit(bits: Bits, index: number): void {
  const word = index >>> 5;
  // Without holes, so that the array remains a list of small integers.
  while (bits.length <= word) bits.push(0);
  bits[word] = (bits[word] ?? 0) | (1 << (index & 31));
}

export function clearBit(bits: Bits, index: number): void {
  const word = index >>> 5;
  if (word < bits.length) bits[word] = (bits[word] ?? 0) & ~(1 << (index & 31));
}

export function intersect(a: Bits, b: Bits): Bits {
  const result: Bits = [];
  for (let i = 0; i < Math.min(a.length, b.length); i++) result.push((a[i] ?? 0) & (b[i] ?? 0));
  return result;
}

export function addAll(to: Bits, from: Bits): void {
  for (let i = 0; i < from.length; i++) {
    if (i < to.length) to[i] = (to[i] ?? 0) | (from[i] ?? 0);
    else to.push(from[i] ?? 0);
  }
}

/** Whether `a` and `b` differ in a number that is in `within`. */
export function differWithin(a: Bits, b: Bits, within: Bits): boolean {
  return within.some((word, i) => (((a[i] ?? 0) ^ (b[i] ?? 0)) & word) !== 0);
}

export function members(bits: Bits): readonly number[] {
  const result: number[] = [];
  for (const [i, word] of bits.entries()) {
    for (let rest = word; rest !== 0; rest &= rest - 1)
      result.push(i * 32 + 31 - Math.clz32(rest & -rest));
  }
  return result;
}
