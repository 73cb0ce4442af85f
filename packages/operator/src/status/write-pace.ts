// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { PolicyStatuses } from "./policy-status-objects.ts";

export type Pace = {
  /** Minimum time between two writes of a policy; 2,000 if absent. */
  readonly changeMs: number;
  /** … if only counts changed: they grow all the time. */
  readonly countsMs: number;
};

export const defaultPace: Pace = { changeMs: 2_000, countsMs: 30_000 };

/**
 * Milliseconds until the new status must be written: 0 means now, undefined that it is already shown.
 * `writtenMs` is when the shown status was written, undefined if not by this process.
 */
export function writeDelayMs(
  shown: Partial<Shown>,
  next: PolicyStatuses,
  times: { readonly writtenMs: number | undefined; readonly nowMs: number; readonly pace: Pace },
): number | undefined {
  const { writtenMs = Number.NEGATIVE_INFINITY, nowMs, pace } = times;
  if (isDeepStrictEqual(plain(shown), plain(next))) return undefined;
  const isSameButCounts = isDeepStrictEqual(withoutCounts(shown), withoutCounts(next));
  const dueMs = writtenMs + (isSameButCounts ? pace.countsMs : pace.changeMs);
  return Math.max(0, dueMs - nowMs);
}

/** The statuses in the API; unknown, because they may be absent or have another shape. */
export type Shown = { readonly policy: unknown; readonly rollUp: unknown };

const counts = new Set(["hits", "enforced", "lost", "unevaluated", "missed", "unknown"]);

function withoutCounts({ policy, rollUp }: Partial<Shown>): unknown {
  const strip = (status: unknown) =>
    Object.fromEntries(Object.entries(status ?? {}).filter(([key]) => !counts.has(key)));
  return plain({ policy: strip(policy), rollUp: strip(rollUp) });
}

/** The form that the API returns: without undefined fields. */
const plain = ({ policy, rollUp }: Partial<Shown>): unknown =>
  JSON.parse(JSON.stringify({ policy, rollUp }));
