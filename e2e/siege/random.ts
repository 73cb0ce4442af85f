// SPDX-License-Identifier: Apache-2.0

/** Numbers that depend only on the words they are made from. */
export interface Random {
  /** A whole number from 0 on, less than `limit`. */
  below(limit: number): number;
  /** From `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** The same seed and path give the same numbers: each step of a siege has numbers of its own. */
export function randomOf(seed: number, ...path: readonly number[]): Random {
  let state = [seed, ...path].reduce((sum, word) => mix(sum ^ mix(word + 0x9e3779b9)), 0x5bd1e995);
  // mulberry32 (Tommy Ettinger, public domain).
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: (probability) => next() < probability,
    pick: (list) => {
      const chosen = list[below(list.length)];
      if (chosen === undefined) throw new Error("Nothing to pick from");
      return chosen;
    },
  };
}

/** The finalizer of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
