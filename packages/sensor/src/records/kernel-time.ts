// SPDX-License-Identifier: Apache-2.0

/** A point in time since the epoch. */
type WallTime = { seconds: number; nanos: number };

const nanosPerSecond = 1_000_000_000;
// 2³² ns and 2⁴⁸ ns as seconds and nanoseconds.
const middle = { seconds: 4, nanos: 294_967_296 };
const upper = { seconds: 281_474, nanos: 976_710_656 };

export type KernelClock = {
  /**
   * hot: the wall-clock time of a CLOCK_BOOTTIME value given as two unsigned halves, exact and without a
   * bigint. Returns the same object each time.
   */
  wallTime(low: number, high: number): WallTime;
  /** Realtime - boottime in ns; it changes when the machine's clock is set. */
  setOffset(offsetNs: bigint): void;
  offsetNs(): bigint;
};

export function createKernelClock(offsetNs: bigint): KernelClock {
  const result: WallTime = { seconds: 0, nanos: 0 };
  let offsetSeconds = 0;
  let offsetNanos = 0;
  const setOffset = (ns: bigint) => {
    offsetNanos = Number(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
    offsetSeconds = Number((ns - BigInt(offsetNanos)) / 1_000_000_000n);
  };
  setOffset(offsetNs);
  return {
    setOffset,
    offsetNs: () => BigInt(offsetSeconds) * 1_000_000_000n + BigInt(offsetNanos),
    wallTime(low, high) {
      const a = high >>> 16;
      const b = high & 0xffff;
      // Each product is below 2⁴⁶, so the result is exact.
      const nanos = a * upper.nanos + b * middle.nanos + low;
      // Computes the remainder itself: % of such numbers is a call. The quotient may be rounded up by one.
      let whole = Math.floor(nanos / nanosPerSecond);
      let total = nanos - whole * nanosPerSecond + offsetNanos;
      if (total < offsetNanos) {
        whole--;
        total += nanosPerSecond;
      }
      if (total >= nanosPerSecond) {
        whole++;
        total -= nanosPerSecond;
      }
      result.seconds = a * upper.seconds + b * middle.seconds + whole + offsetSeconds;
      result.nanos = total;
      return result;
    },
  };
}
