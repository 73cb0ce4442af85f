// SPDX-License-Identifier: Apache-2.0

import type { PolicyKernel } from "../../kernel/policy-kernel.ts";
import type { InstalledRule } from "../../link/planned-rule.ts";
import { allRules, type InstalledPolicy } from "../installed-policy.ts";
import type { PolicyCounters } from "../policy-state.ts";
import { addPolicyCounts, noPolicyCounts, ruleCounts } from "./counters.ts";
import type { HitCounter } from "./hit-counter.ts";
import type { MissCounter } from "./miss-counter.ts";

/** The counters of calls for rules. */
type CallCounters = {
  readonly kernel: Pick<PolicyKernel, "count">;
  readonly hits: HitCounter;
  readonly unevaluated: HitCounter;
  readonly misses: MissCounter;
};

/** The counts of this version of a policy since it was put in force. */
export function countsOf(policy: InstalledPolicy, counters: CallCounters): PolicyCounters {
  return allRules(policy)
    .map((rule) => countsOfRule(rule, counters))
    .reduce(addPolicyCounts, noPolicyCounts);
}

export function countsOfRule(
  { id, counters }: Pick<InstalledRule, "id" | "counters">,
  { kernel, hits, unevaluated, misses }: CallCounters,
): PolicyCounters {
  // A call counts as a hit before anything else, so hits are read last.
  const selectors = counters.map((counter) => kernel.count(counter));
  const calls = { unevaluated: unevaluated.hits(id), missed: misses.missed(id) };
  return ruleCounts(selectors, { ...calls, hits: hits.hits(id) });
}
