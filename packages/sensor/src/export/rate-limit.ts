// SPDX-License-Identifier: Apache-2.0

export type RateLimit = {
  /** hot: whether one more event is allowed (bench/event-encoding). */
  take(): boolean;
  /** Once in each interval: the number held back since the last answer; otherwise 0. */
  heldBack(): number;
  /** The number ever held back. */
  readonly total: () => number;
};

type RateLimitOptions = {
  /** Events per minute; 0: none at all, -1: no limit. */
  readonly perMinute: number;
  readonly now?: () => number;
};

const intervalMs = 60_000;

export function createRateLimit({ perMinute, now = Date.now }: RateLimitOptions): RateLimit {
  let start = now();
  let passed = 0;
  let held = 0;
  let reported = 0;
  let total = 0;
  const roll = () => {
    const at = now();
    if (at - start < intervalMs) return;
    start = at;
    passed = 0;
    reported += held;
    held = 0;
  };
  return {
    total: () => total,
    take() {
      if (perMinute < 0) return true;
      roll();
      if (passed < perMinute) {
        passed++;
        return true;
      }
      held++;
      total++;
      return false;
    },
    heldBack() {
      if (perMinute < 0) return 0;
      roll();
      const count = reported;
      reported = 0;
      return count;
    },
  };
}
