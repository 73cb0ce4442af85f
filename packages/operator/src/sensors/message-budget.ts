// SPDX-License-Identifier: Apache-2.0

export type BudgetOptions = {
  /** Messages at once. */
  readonly burst: number;
  readonly perSecond: number;
};

/** Decides for each message whether it may still be read. `now` returns monotonic milliseconds. */
export function messageBudget(
  { burst, perSecond }: BudgetOptions,
  now: () => number,
): () => boolean {
  let left = burst;
  let filledAt = now();
  return () => {
    const at = now();
    left = Math.min(burst, left + ((at - filledAt) / 1000) * perSecond);
    filledAt = at;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
