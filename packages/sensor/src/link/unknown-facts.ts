// SPDX-License-Identifier: Apache-2.0
import { action, valueType } from "./abi.gen.ts";
import type { PlannedSelector } from "./planned-rule.ts";

/**
 * The result of a filter whose fact is unknown (bpf/records.h: enum fact), negated or not. Only this file
 * decides it: the linker writes it into rows (ROW_UNKNOWN_HOLDS), and the reference evaluator calls it. The
 * table is in docs/decisions/0027-unknown-is-not-innocent.md.
 */
export type SafeOutcome = "holds" | "fails";

/**
 * A selector is an exception if a later one does more: the first match decides, so a wrong match would spare
 * the call the later one's actions. One that takes a mark back (CleanupEnforcerNotification) spares the call what
 * other hooks decided, and a PolicyException is one by its name. For any other selector an unknown fact matches.
 */
export function safeOutcome(selectors: readonly PlannedSelector[], index: number): SafeOutcome {
  if (selectors[index]?.exception !== undefined) return "fails";
  if ((selectors[index]?.verdict.actions ?? 0) & action.ACTION_UNMARK_CALL) return "fails";
  const own = strength(selectors[index]);
  return selectors.slice(index + 1).some((later) => strength(later) > own) ? "fails" : "holds";
}

function strength(selector: PlannedSelector | undefined): number {
  const actions = selector?.verdict.actions ?? 0;
  if (actions & action.ACTION_ENFORCE) return 2;
  return actions & action.ACTION_POST ? 1 : 0;
}

/**
 * The fact that a filter tests: known; absent (no file, no binary of a kernel thread); unknown; or a path
 * that a workload may have made up.
 */
export type FactState = "known" | "absent" | "unknown" | "forgeable";

/** The truth table: whether a filter holds. `hit`: one of its values equals the fact. */
export function filterHolds(
  fact: FactState,
  filter: { readonly negate: boolean; readonly unknownHolds: boolean },
  hit: () => boolean,
): boolean {
  const { negate, unknownHolds } = filter;
  if (fact === "absent") return false;
  if (fact === "unknown") return unknownHolds;
  // Believed only where it gives its maker no exception.
  if (fact === "forgeable" && (negate || !unknownHolds)) return unknownHolds;
  return hit() !== negate;
}

const userMemory: ReadonlySet<number> = new Set([
  valueType.VALUE_USER_STRING,
  valueType.VALUE_USER_BUFFER,
  valueType.VALUE_USER_IOVEC,
  valueType.VALUE_IOV_ITER,
]);

/**
 * @param type enum value_type of the argument that the filter tests; undefined: none. Memory of the process
 * itself is often just not paged in yet, so that filters on it would deny innocent calls; and another thread
 * can change it after the check, so nothing is lost.
 */
export function outcomeOfUnknown(safe: SafeOutcome, type: number | undefined): boolean {
  return safe === "holds" && !(type !== undefined && userMemory.has(type));
}
