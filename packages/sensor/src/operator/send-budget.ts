// SPDX-License-Identifier: Apache-2.0

/** Messages at once and per second. The operator ends streams at 50 and 5. */
const burst = 40;
const perSecond = 4;

/** Limits sending to what the operator accepts. */
export type SendBudget = {
  /** Whether this many are left. */
  has(count: number): boolean;
  /** Uses one, if any is left. */
  tryTake(): boolean;
  /** Milliseconds until `tryTake` succeeds. */
  waitMs(): number;
};

/** `now` is in ms and never decreases. */
export function sendBudget(now: () => number): SendBudget {
  let left = burst;
  let filledAt = now();
  const fill = () => {
    const at = now();
    left = Math.min(burst, left + ((at - filledAt) / 1000) * perSecond);
    filledAt = at;
  };
  return {
    has(count) {
      fill();
      return left >= count;
    },
    tryTake() {
      fill();
      if (left < 1) return false;
      left -= 1;
      return true;
    },
    waitMs() {
      fill();
      return Math.max(0, Math.ceil(((1 - left) / perSecond) * 1000));
    },
  };
}
