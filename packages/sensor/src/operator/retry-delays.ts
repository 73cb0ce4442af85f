// SPDX-License-Identifier: Apache-2.0

type RetryDelayOptions = {
  readonly firstMs: number;
  readonly mostMs: number;
  /**
   * "full": from 0 to the bound, so that a fleet that lost its operator at one moment doesn't return at one.
   * "half": from half of it.
   */
  readonly jitter: "full" | "half";
  readonly random?: () => number;
};

type RetryDelays = {
  /** Milliseconds until the next retry; the bound doubles each time. */
  next(): number;
  /** After a success: starts with the first bound again. */
  reset(): void;
};

export function retryDelays(options: RetryDelayOptions): RetryDelays {
  const { firstMs, mostMs, jitter, random = Math.random } = options;
  let bound = firstMs;
  return {
    next() {
      const least = jitter === "full" ? 0 : bound / 2;
      const delay = least + random() * (bound - least);
      bound = Math.min(2 * bound, mostMs);
      return Math.round(delay);
    },
    reset() {
      bound = firstMs;
    },
  };
}
