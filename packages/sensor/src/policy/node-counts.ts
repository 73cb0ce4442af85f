// SPDX-License-Identifier: Apache-2.0
import type { NodePolicyCounts } from "./node-version.ts";
import type { PolicyCounters } from "./policy-state.ts";

/** Exactly hits = emitted + filtered + suppressed + lost, and never less than what was told before. */
export function nodeCounts(
  uid: string,
  counters: PolicyCounters,
  before: NodePolicyCounts | undefined,
): NodePolicyCounts {
  const { emitted, suppressed, lost, enforced } = counters;
  // A call that is in progress counts as filtered until it matches.
  const filtered = max(counters.filtered, before?.filtered ?? 0n);
  const counts = {
    emitted,
    suppressed: suppressed.rateLimit + suppressed.budget + suppressed.noPost,
    lost: lost.ring + lost.memory,
    filtered,
  };
  const hits = counts.emitted + counts.suppressed + counts.lost + filtered;
  return { uid, ...counts, hits, enforced };
}

const max = (a: bigint, b: bigint) => (a > b ? a : b);
