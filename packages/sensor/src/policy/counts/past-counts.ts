// SPDX-License-Identifier: Apache-2.0

import type { InstalledPolicy } from "../installed-policy.ts";
import type { PolicyCounters } from "../policy-state.ts";
import { addPolicyCounts, noPolicyCounts } from "./counters.ts";

/** Counts from replaced or removed versions of the operator's policies. */
export interface PastCounts {
  /** Milliseconds since 1970; a different value means that all counts restarted. */
  readonly since: number;
  of(uid: string): PolicyCounters;
  /** These versions are no longer in force; their counts are included until `close`. */
  leave(policies: readonly InstalledPolicy[]): void;
  /** No program reads them any more. */
  close(): void;
  /** For the manifest. */
  snapshot(): PastCountsSnapshot;
}

export type PastCountsSnapshot = {
  readonly since: number;
  readonly totals: readonly (readonly [uid: string, counts: PolicyCounters])[];
};

/** A policy may leave a node and return: this many policies that have left are remembered. */
const keptTotals = 1024;

export function createPastCounts(
  countsOf: (policy: InstalledPolicy) => PolicyCounters,
  start: PastCountsSnapshot = { since: Date.now(), totals: [] },
): PastCounts {
  const totals = new Map(start.totals);
  let leaving: readonly InstalledPolicy[] = [];
  const total = (uid: string): PolicyCounters =>
    leaving
      .filter(({ key }) => key.uid === uid)
      .reduce(
        (sum, policy) => addPolicyCounts(sum, countsOf(policy)),
        totals.get(uid) ?? noPolicyCounts,
      );
  const uids = () => new Set([...totals.keys(), ...leaving.map(({ key }) => key.uid ?? "")]);
  return {
    since: start.since,
    of: total,
    leave(policies) {
      leaving = policies.filter(({ key }) => key.origin === "operator");
    },
    close() {
      for (const { key } of leaving) {
        const uid = key.uid ?? "";
        const counts = total(uid);
        totals.delete(uid);
        totals.set(uid, counts);
      }
      leaving = [];
      for (const uid of totals.keys()) {
        if (totals.size <= keptTotals) return;
        totals.delete(uid);
      }
    },
    snapshot: () => ({
      since: start.since,
      totals: [...uids()].map((uid) => [uid, total(uid)] as const),
    }),
  };
}
