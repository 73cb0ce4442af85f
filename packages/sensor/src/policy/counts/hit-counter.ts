// SPDX-License-Identifier: Apache-2.0
import type { Side } from "../../kernel/tables/sided-memory.ts";
import type { CountedSide } from "../link-tables.ts";

/**
 * Hits of rules: calls of the applications that contain them, summed over all sides that were in force. An
 * application's composition never changes while it is active, so sums are exact.
 */
export interface HitCounter {
  hits(rule: number): bigint;
  /** From now on this side counts, from zero. */
  begin(counted: CountedSide): void;
  /** Keeps the side's counts; afterwards the side may be rewritten. */
  fold(side: Side): void;
  /** Forgets rules that no longer exist. */
  keepOnly(rules: ReadonlySet<number>): void;
  /** For the manifest: folded sums, and the rules that each side counts for. */
  snapshot(): HitSnapshot;
}

export type HitSnapshot = {
  readonly totals: readonly (readonly [rule: number, hits: bigint])[];
  readonly counting: readonly CountedSide[];
};

export function createHitCounter(
  calls: (side: Side, application: number) => bigint,
  start: HitSnapshot = { totals: [], counting: [] },
): HitCounter {
  const totals = new Map(start.totals);
  const counting = new Map(start.counting.map((counted) => [counted.side, counted]));
  const callsOf = (counted: CountedSide, rule: number) => {
    let sum = 0n;
    for (const application of applicationsWith(counted).get(rule) ?? [])
      sum += calls(counted.side, application);
    return sum;
  };
  return {
    hits(rule) {
      let sum = totals.get(rule) ?? 0n;
      for (const counted of counting.values()) sum += callsOf(counted, rule);
      return sum;
    },
    begin: (counted) => void counting.set(counted.side, counted),
    fold(side) {
      const counted = counting.get(side);
      if (counted === undefined) return;
      for (const [index, rules] of counted.applications.entries()) {
        if (rules.length === 0) continue;
        const counts = calls(side, index);
        for (const rule of rules) totals.set(rule, (totals.get(rule) ?? 0n) + counts);
      }
      counting.delete(side);
    },
    keepOnly(rules) {
      for (const rule of totals.keys()) if (!rules.has(rule)) totals.delete(rule);
    },
    snapshot: () => ({ totals: [...totals], counting: [...counting.values()] }),
  };
}

const known = new WeakMap<CountedSide, ReadonlyMap<number, readonly number[]>>();

/** By rule: the applications that contain it. There may be many of both. */
function applicationsWith(counted: CountedSide): ReadonlyMap<number, readonly number[]> {
  const found = known.get(counted);
  if (found !== undefined) return found;
  const byRule = new Map<number, number[]>();
  for (const [application, rules] of counted.applications.entries()) {
    for (const rule of rules) {
      const list = byRule.get(rule);
      if (list === undefined) byRule.set(rule, [application]);
      else list.push(application);
    }
  }
  known.set(counted, byRule);
  return byRule;
}
