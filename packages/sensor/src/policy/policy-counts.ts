// SPDX-License-Identifier: Apache-2.0
import { addPolicyCounts, noPolicyCounts, ruleCounts } from "./counters.ts";
import type { HitCounter } from "./hit-counter.ts";
import { allRules, type InstalledPolicy } from "./installed-policy.ts";
import type { PolicyKernel } from "./policy-kernel.ts";
import type { PolicyCounters } from "./policy-state.ts";

/** What a policy has counted as it stands, since this version of it came in force. */
export function countsOf(
  policy: InstalledPolicy,
  { kernel, hits }: { readonly kernel: Pick<PolicyKernel, "count">; readonly hits: HitCounter },
): PolicyCounters {
  return allRules(policy)
    .map(({ id, counters }) => {
      // A call counts as a hit before it matches, so hits are read last.
      const selectors = counters.map((counter) => kernel.count(counter));
      return ruleCounts(selectors, hits.hits(id));
    })
    .reduce(addPolicyCounts, noPolicyCounts);
}
