// SPDX-License-Identifier: Apache-2.0

type BackOffOptions = {
  /** The first wait is at most this long. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
  /** In [0, 1); Math.random if absent. */
  readonly random?: () => number;
};

/** Doubles from `baseMs` to `maxMs`; each wait is a random time between half of that and all of it. */
export function backOffMs(attempt: number, options: BackOffOptions): number {
  const { baseMs, maxMs, random = Math.random } = options;
  // 2^30 base units are far beyond any maximum; more would end in Infinity.
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return ceilingMs * (0.5 + random() / 2);
}
