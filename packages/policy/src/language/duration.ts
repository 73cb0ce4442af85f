// SPDX-License-Identifier: Apache-2.0

/** Milliseconds of the units in which policies write times. */
export const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** By its letter, in any case; none stands for seconds. */
export const msOfUnit = (letter: string): number =>
  new Map<string, number>(Object.entries(unitMs)).get(letter.toLowerCase() || "s") ?? 0;
