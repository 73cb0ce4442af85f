// SPDX-License-Identifier: Apache-2.0
import { action, valueType } from "./abi.gen.ts";
import type { LinkableSelector } from "./linkable-policy.ts";

/**
 * What a filter gives whose fact can't be had (bpf/records.h: enum fact), negated or not. This is the
 * only place where it is decided: the linker writes it into rows (ROW_UNKNOWN_HOLDS), and the reference
 * evaluator asks here. The table is in docs/decisions/0027-unknown-is-not-innocent.md.
 */
export type SafeOutcome = "holds" | "fails";

/**
 * A selector is an exception if one behind it does more: the first that matches decides, so one that
 * matched by mistake would spare the call what the later one does. Any other is to match.
 */
export function safeOutcome(selectors: readonly LinkableSelector[], index: number): SafeOutcome {
  const own = strength(selectors[index]);
  return selectors.slice(index + 1).some((later) => strength(later) > own) ? "fails" : "holds";
}

function strength(selector: LinkableSelector | undefined): number {
  const actions = selector?.verdict.actions ?? 0;
  if (actions & action.ACTION_ENFORCE) return 2;
  return actions & action.ACTION_POST ? 1 : 0;
}

/**
 * Of what a filter asks for: it is there; there is none (no file, no binary of a kernel thread); it can't be
 * had; or it is a path that a workload may have made up.
 */
export type FactState = "known" | "absent" | "unknown" | "forgeable";

/** The truth table: whether a filter holds. `hit`: one of its values is the one that is there. */
export function filterHolds(
  fact: FactState,
  filter: { readonly negate: boolean; readonly unknownHolds: boolean },
  hit: () => boolean,
): boolean {
  const { negate, unknownHolds } = filter;
  if (fact === "absent") return false;
  if (fact === "unknown") return unknownHolds;
  // Believed only where that is no exception for who made it up.
  if (fact === "forgeable" && (negate || !unknownHolds)) return unknownHolds;
  return hit() !== negate;
}

const userMemory: ReadonlySet<number> = new Set([
  valueType.VALUE_USER_STRING,
  valueType.VALUE_USER_BUFFER,
]);

/**
 * @param type enum value_type of the argument that the filter looks at; undefined: at none.
 * Memory of the process itself is often just not read in yet, so that filters on it would refuse
 * innocent calls; and another thread can change it after the check, so nothing is lost.
 */
export function outcomeOfUnknown(safe: SafeOutcome, type: number | undefined): boolean {
  return safe === "holds" && !(type !== undefined && userMemory.has(type));
}
