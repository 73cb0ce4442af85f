// SPDX-License-Identifier: Apache-2.0
import type { PolicyCounters, SelectorCounters } from "./policy-state.ts";

export const noSelectorCounts: SelectorCounters = {
  matched: 0n,
  emitted: 0n,
  suppressed: { rateLimit: 0n, budget: 0n, noPost: 0n },
  lost: { ring: 0n, memory: 0n },
  killed: 0n,
  signalled: 0n,
  denied: 0n,
  wouldKill: 0n,
  wouldSignal: 0n,
  wouldDeny: 0n,
  enforceFailed: 0n,
  enforced: 0n,
};

export const noPolicyCounts: PolicyCounters = { ...noSelectorCounts, hits: 0n, filtered: 0n };

export function addSelectorCounts(a: SelectorCounters, b: SelectorCounters): SelectorCounters {
  return {
    matched: a.matched + b.matched,
    emitted: a.emitted + b.emitted,
    suppressed: {
      rateLimit: a.suppressed.rateLimit + b.suppressed.rateLimit,
      budget: a.suppressed.budget + b.suppressed.budget,
      noPost: a.suppressed.noPost + b.suppressed.noPost,
    },
    lost: { ring: a.lost.ring + b.lost.ring, memory: a.lost.memory + b.lost.memory },
    killed: a.killed + b.killed,
    signalled: a.signalled + b.signalled,
    denied: a.denied + b.denied,
    wouldKill: a.wouldKill + b.wouldKill,
    wouldSignal: a.wouldSignal + b.wouldSignal,
    wouldDeny: a.wouldDeny + b.wouldDeny,
    enforceFailed: a.enforceFailed + b.enforceFailed,
    enforced: a.enforced + b.enforced,
  };
}

export function addPolicyCounts(a: PolicyCounters, b: PolicyCounters): PolicyCounters {
  return { ...addSelectorCounts(a, b), hits: a.hits + b.hits, filtered: a.filtered + b.filtered };
}

/**
 * Counts of one rule. `hits` must be read after the selectors' counts: a call counts as a hit
 * before it matches, so none can match without being a hit.
 */
export function ruleCounts(selectors: readonly SelectorCounters[], hits: bigint): PolicyCounters {
  const sum = selectors.reduce(addSelectorCounts, noSelectorCounts);
  return { ...sum, hits, filtered: hits - sum.matched };
}
