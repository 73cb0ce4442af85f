// SPDX-License-Identifier: Apache-2.0
import { KubeError } from "../client/kube-error.ts";
import { backOffMs } from "../clock/back-off.ts";
import { causeOf, noRestarts, type RestartCause } from "./reflector-state.ts";

type RestartOptions = {
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** A watch that lasted this long was good: the back-off is reset. */
  readonly stableMs: number;
  readonly random: () => number;
  readonly now: () => number;
};

export type Restart = {
  readonly cause: RestartCause;
  /** 0 only after a good watch that ended by itself. */
  readonly delayMs: number;
  /** Only a list restores the state: the version expired, or something was not understood. */
  readonly relist: boolean;
  /** Restarts since the last good watch, this one included. */
  readonly failures: number;
};

export type RestartPolicy = {
  readonly counts: Readonly<Record<RestartCause, number>>;
  /** The server answered a watch. */
  opened(): void;
  /** A list or watch has ended: by `error`, or by the server if undefined. */
  ended(error: unknown): Restart;
};

/** Decides when to retry. A watch that is answered and immediately broken also counts as a failure. */
export function createRestartPolicy(options: RestartOptions): RestartPolicy {
  const { backOffBaseMs, backOffMaxMs, stableMs, random, now } = options;
  const counts = noRestarts();
  let failures = 0;
  let openedAtMs: number | undefined;
  return {
    counts,
    opened() {
      openedAtMs = now();
    },
    ended(error) {
      const wasStable = openedAtMs !== undefined && now() - openedAtMs >= stableMs;
      openedAtMs = undefined;
      if (wasStable) failures = 0;
      const cause = error === undefined ? "ended" : causeOf(error);
      counts[cause]++;
      const relist = cause === "expired" || cause === "protocol" || cause === "other";
      if (cause === "ended" && wasStable) return { cause, delayMs: 0, relist, failures };
      const ownMs = backOffMs(failures++, { baseMs: backOffBaseMs, maxMs: backOffMaxMs, random });
      // A server may request a wait, but not forever.
      const askedMs = error instanceof KubeError ? Math.min(error.retryAfterMs, 300_000) : 0;
      // An overloaded server gives all its clients the same second.
      const spreadMs = askedMs * (1 + random() / 10);
      return { cause, delayMs: Math.max(ownMs, spreadMs), relist, failures };
    },
  };
}
