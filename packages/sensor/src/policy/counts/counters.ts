// SPDX-License-Identifier: Apache-2.0

import type { SelectorCounters } from "../../link/counter-table.ts";
import {
  type CounterRow,
  counterRows,
  type HookCounter,
  selectorCounterNames,
} from "../../link/counter-table.ts";
import type { PolicyCounters } from "../policy-state.ts";

export const noSelectorCounts: SelectorCounters = countsBy(
  [...selectorCounterNames, "enforced"],
  () => 0n,
);

export const noPolicyCounts: PolicyCounters = {
  ...noSelectorCounts,
  ...{ hits: 0n, filtered: 0n, unevaluated: 0n, missed: 0n },
};

export function addSelectorCounts(a: SelectorCounters, b: SelectorCounters): SelectorCounters {
  return sum(a, b, noSelectorCounts);
}

export function addPolicyCounts(a: PolicyCounters, b: PolicyCounters): PolicyCounters {
  return sum(a, b, noPolicyCounts);
}

/** The counts of a rule as a whole. */
type RuleCalls = { readonly [Name in Exclude<HookCounter, "filtered">]: bigint };

/**
 * Counts of one rule. Read `calls.hits` last: a call counts as a hit before it matches, so none can match
 * without being a hit.
 */
export function ruleCounts(
  selectors: readonly SelectorCounters[],
  calls: RuleCalls,
): PolicyCounters {
  const all = selectors.reduce(addSelectorCounts, noSelectorCounts);
  return { ...all, ...calls, filtered: calls.hits - calls.unevaluated - all.matched };
}

/** Warnings for users: some calls were not judged as the policy says. */
export function countRemarks(counters: PolicyCounters): readonly string[] {
  return counterRows.flatMap(([name, { remark }]) =>
    remark === undefined || counters[name] === 0n ? [] : [`${counters[name]} ${remark}`],
  );
}

/** Sums the counters by the key that `keyOf` gives each; counters without a key are left out. */
export function countsAs<Key extends string>(
  counters: Partial<PolicyCounters>,
  keyOf: (row: CounterRow) => Key | undefined,
): ReadonlyMap<Key, bigint> {
  const sums = new Map<Key, bigint>();
  for (const [name, row] of counterRows) {
    const key = keyOf(row);
    const count = counters[name];
    if (key !== undefined && count !== undefined) sums.set(key, (sums.get(key) ?? 0n) + count);
  }
  return sums;
}

/** A counter that an older manifest lacks is 0. */
function sum<Counts extends Readonly<Record<string, bigint>>>(
  a: Partial<Counts>,
  b: Partial<Counts>,
  names: Counts,
): Counts {
  return countsBy(Object.keys(names), (name) => (a[name] ?? 0n) + (b[name] ?? 0n)) as Counts;
}

function countsBy<Name extends string>(
  names: readonly Name[],
  count: (name: Name) => bigint,
): Record<Name, bigint> {
  return Object.fromEntries(names.map((name) => [name, count(name)])) as Record<Name, bigint>;
}
