// SPDX-License-Identifier: Apache-2.0
import type { Side } from "../../kernel/tables/table-writer.ts";
import type { Generation } from "../generation.ts";

/**
 * Hits of rules: calls of the applications that contained them, over all generations. An
 * application's composition never changes while it is active, so sums are exact.
 */
export interface HitCounter {
  hits(rule: number): bigint;
  /** The generation's side counts from now on, from zero. */
  begin(generation: Generation): void;
  /** Keeps what the side has counted; it may be rewritten then. */
  fold(side: Side): void;
  /** Forgets rules that are gone. */
  keepOnly(rules: ReadonlySet<number>): void;
  /** To be kept in the manifest: folded sums, and what the sides count for. */
  snapshot(): HitSnapshot;
}

export type HitSnapshot = {
  readonly totals: readonly (readonly [rule: number, hits: bigint])[];
  readonly counting: readonly Generation[];
};

export function createHitCounter(
  calls: (side: Side, application: number) => bigint,
  start: HitSnapshot = { totals: [], counting: [] },
): HitCounter {
  const totals = new Map(start.totals);
  const counting = new Map(start.counting.map((generation) => [generation.side, generation]));
  const callsOf = ({ side, applications }: Generation, rule: number) =>
    applications.reduce(
      (sum, rules, index) => (rules.includes(rule) ? sum + calls(side, index) : sum),
      0n,
    );
  return {
    hits(rule) {
      let sum = totals.get(rule) ?? 0n;
      for (const generation of counting.values()) sum += callsOf(generation, rule);
      return sum;
    },
    begin: (generation) => void counting.set(generation.side, generation),
    fold(side) {
      const generation = counting.get(side);
      if (generation === undefined) return;
      for (const rule of new Set(generation.applications.flat())) {
        totals.set(rule, (totals.get(rule) ?? 0n) + callsOf(generation, rule));
      }
      counting.delete(side);
    },
    keepOnly(rules) {
      for (const rule of totals.keys()) if (!rules.has(rule)) totals.delete(rule);
    },
    snapshot: () => ({ totals: [...totals], counting: [...counting.values()] }),
  };
}
