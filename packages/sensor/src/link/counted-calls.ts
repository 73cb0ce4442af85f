// SPDX-License-Identifier: Apache-2.0
// The rows of `matchCount`, and the numbers by which the kernel counts (bpf/tallies.bpf.h).
import { limits, rowFlags, rowOp, tallyOf } from "./abi.gen.ts";
import type { CountFilter } from "./alternatives.ts";
import type { OpenRow } from "./filter-rows.ts";
import type { InstalledRule, PlannedSelector } from "./planned-rule.ts";
import { outcomeOfUnknown, type SafeOutcome } from "./unknown-facts.ts";

/** The row that counts the calls for which all others of the selector hold. */
export function tallyRow(
  { filters }: PlannedSelector,
  number: number,
  safe: SafeOutcome,
): OpenRow | undefined {
  const filter = filters.find((one): one is CountFilter => one.on === "count");
  if (filter === undefined) return undefined;
  const { atLeast, withinMs, per } = filter;
  const of = per === "process" ? tallyOf.TALLY_PROCESS : tallyOf.TALLY_CGROUP;
  return {
    op: rowOp.ROW_TALLY,
    slot: 0,
    flags: outcomeOfUnknown(safe, undefined) ? rowFlags.ROW_UNKNOWN_HOLDS : 0,
    set: 0,
    n: 3,
    values: [
      BigInt(atLeast),
      BigInt(withinMs) * 1_000_000n,
      number === 0 ? 0n : BigInt(number * 2 + of),
    ],
  };
}

/**
 * A number that no other selector has, before or after: of the rule's id, which is not used again, and its counter. The
 * functions of a list count together, by the number of the first of them. A rule that is left behind (uncounted)
 * counts nothing.
 */
export function conditionOf(
  rule: InstalledRule,
  all: readonly InstalledRule[],
): (selector: number) => number {
  const { counted } = rule.planned;
  const first =
    counted === undefined ? rule : (all.find(({ planned }) => planned.counted === counted) ?? rule);
  return (selector) =>
    rule.counters[selector] === 0
      ? 0
      : first.id * limits.MAX_COUNTS + (first.counters[selector] ?? 0);
}

/** The id of its rule. */
export const ruleOfCondition = (condition: bigint): number =>
  Number(condition / 2n / BigInt(limits.MAX_COUNTS));

/** Of these rows. */
export function conditionsOf(rows: readonly (OpenRow | undefined)[]): Set<bigint> {
  const all = rows.flatMap((row) => (row?.op === rowOp.ROW_TALLY ? row.values.slice(2) : []));
  return new Set(all.filter((condition) => condition !== 0n));
}
