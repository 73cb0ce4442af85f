// SPDX-License-Identifier: Apache-2.0
import { uptime } from "node:os";

/** Milliseconds since a fixed time; never decreases, and steps of the wall clock don't affect it. */
export type MonotonicClock = () => number;

type ClockSources = {
  /** CLOCK_MONOTONIC in ms: exact, but stops while the machine is suspended. */
  readonly running: () => number;
  /** CLOCK_BOOTTIME in seconds: continues during a suspend, coarse. */
  readonly boottime: () => number;
};

const systemSources: ClockSources = { running: () => performance.now(), boottime: uptime };

/**
 * A clock for leases. It follows whichever of the two system clocks has advanced further: a holder that
 * was suspended with its machine must notice on waking that its time is over (clock_gettime(2)).
 */
export function createMonotonicClock(sources: ClockSources = systemSources): MonotonicClock {
  const startMs = sources.running();
  const bootStartMs = sources.boottime() * 1000;
  let latestMs = 0;
  return () => {
    const elapsedMs = sources.running() - startMs;
    // The uptime is rounded to 10 ms: a second of tolerance keeps that out of the result.
    const sinceBootMs = sources.boottime() * 1000 - bootStartMs;
    latestMs = Math.max(latestMs, sinceBootMs - elapsedMs > 1000 ? sinceBootMs : elapsedMs);
    return latestMs;
  };
}
