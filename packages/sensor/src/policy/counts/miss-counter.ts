// SPDX-License-Identifier: Apache-2.0
import type { InstalledRule } from "../../link/planned-rule.ts";

/**
 * Calls that the kernel did not hand to the programs of rules while the rules were in force. The kernel
 * counts per program since the program was loaded, and one program serves many rules.
 */
export interface MissCounter {
  missed(rule: number): bigint;
  /** From now on exactly these rules are in force. */
  begin(rules: Iterable<Pick<InstalledRule, "id" | "hookId">>): void;
  /** Forgets rules that no longer exist. */
  keepOnly(rules: ReadonlySet<number>): void;
  /** For the manifest. */
  snapshot(): MissSnapshot;
}

export type MissSnapshot = {
  /** Misses of rules that are not in force now, or were not in force for some time. */
  readonly totals: readonly (readonly [rule: number, missed: bigint])[];
  /** For rules in force: their hook, and its misses when the rule was put in force. */
  readonly counting: readonly (readonly [rule: number, start: MissStart])[];
};

type MissStart = { readonly hookId: number; readonly missed: bigint };

export function createMissCounter(
  missedCalls: (hook: number) => bigint,
  start: MissSnapshot = { totals: [], counting: [] },
): MissCounter {
  const totals = new Map(start.totals);
  const counting = new Map(start.counting);
  const missed = (rule: number): bigint => {
    const total = totals.get(rule) ?? 0n;
    const begun = counting.get(rule);
    if (begun === undefined) return total;
    const now = missedCalls(begun.hookId);
    return now > begun.missed ? total + now - begun.missed : total;
  };
  return {
    missed,
    begin(rules) {
      const next = new Map([...rules].map(({ id, hookId }) => [id, hookId]));
      for (const [rule, { hookId }] of counting) {
        if (next.get(rule) === hookId) continue;
        totals.set(rule, missed(rule));
        counting.delete(rule);
      }
      for (const [rule, hookId] of next)
        if (!counting.has(rule)) counting.set(rule, { hookId, missed: missedCalls(hookId) });
    },
    keepOnly(rules) {
      for (const rule of totals.keys()) if (!rules.has(rule)) totals.delete(rule);
    },
    snapshot: () => ({ totals: [...totals], counting: [...counting] }),
  };
}
