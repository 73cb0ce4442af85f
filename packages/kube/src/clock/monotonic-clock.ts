// SPDX-License-Identifier: Apache-2.0
import { uptime } from "node:os";

/** Milliseconds since some fixed moment; never goes back, and steps of the wall clock don't touch it. */
export type MonotonicClock = () => number;

type ClockSources = {
  /** CLOCK_MONOTONIC in ms: exact, but stands still while the machine is suspended. */
  readonly running: () => number;
  /** CLOCK_BOOTTIME in seconds: continues during a suspend, coarse. */
  readonly boottime: () => number;
};

const systemSources: ClockSources = { running: () => performance.now(), boottime: uptime };

/**
 * A clock for leases. It takes whichever of the two system clocks has moved further: a holder that
 * slept with its machine has to learn on waking that its time is over (clock_gettime(2)).
 */
export function createMonotonicClock(sources: ClockSources = systemSources): MonotonicClock {
  const startMs = sources.running();
  const bootStartMs = sources.boottime() * 1000;
  let latestMs = 0;
  return () => {
    const elapsedMs = sources.running() - startMs;
    // The uptime is rounded to 10 ms: a second of tolerance keeps that from showing in every figure.
    const sinceBootMs = sources.boottime() * 1000 - bootStartMs;
    latestMs = Math.max(latestMs, sinceBootMs - elapsedMs > 1000 ? sinceBootMs : elapsedMs);
    return latestMs;
  };
}
