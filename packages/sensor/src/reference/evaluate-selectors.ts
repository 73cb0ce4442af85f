// SPDX-License-Identifier: Apache-2.0
// What selectors mean, said as plainly as possible: tests compare the linker's tables and the programs with it, and
// policies are tested by it where no kernel can be asked.
import type { ArgTest, ExecTest, TypedFilter } from "@gander/policy";
import type { PlainFilter } from "../link/alternatives.ts";
import type { PlannedSelector } from "../link/planned-rule.ts";
import {
  type FactState,
  filterHolds,
  outcomeOfUnknown,
  type SafeOutcome,
  safeOutcome,
} from "../link/unknown-facts.ts";
import { type Call, socket, type Value } from "./call.ts";
import { execTexts, hits, testHolds } from "./filter-hits.ts";

/** Position of the selector whose actions run, undefined: none. */
export function evaluateSelectors(
  selectors: readonly PlannedSelector[],
  call: Call,
  typeOf: (arg: number | "return") => number,
): number | undefined {
  const all = (filters: readonly TypedFilter[], safe: SafeOutcome): boolean =>
    filters.every((filter) => {
      if (filter.on === "count") return true;
      if (filter.on === "any") return filter.of.some((list) => all(list, safe));
      const type = filter.on === "arg" ? typeOf(filter.arg) : undefined;
      return filterOutcome(filter, call, outcomeOfUnknown(safe, type));
    });
  const isReached = ({ filters }: PlannedSelector) =>
    (call.isReached ?? false) || !filters.some(({ on }) => on === "count");
  const chosen = selectors.findIndex(
    (one, i) =>
      all(one.filters, safeOutcome(selectors, i)) &&
      (one.returnFilters.length > 0 || isReached(one)),
  );
  const selector = selectors[chosen];
  if (selector === undefined || !all(selector.returnFilters, safeOutcome(selectors, chosen)))
    return undefined;
  if (!isReached(selector)) return undefined;
  return selector.verdict.selector;
}

/** Whether a filter holds; `unknownHolds`: what it does if the call doesn't say. */
export function filterOutcome(filter: PlainFilter, call: Call, unknownHolds: boolean): boolean {
  return filterHolds(factOf(filter, call), { negate: isNegated(filter), unknownHolds }, () =>
    hits(filter, call),
  );
}

function isNegated(filter: PlainFilter): boolean {
  if (filter.on === "arg" || filter.on === "exec-argument" || filter.on === "exec-variable")
    return filter.test.negate;
  // Not the opposite: `hits` decides.
  if (filter.on === "namespace-change" || filter.on === "capability-change") return false;
  if (filter.on === "marked" || filter.on === "workloads") return false;
  return filter.negate;
}

function factOf(filter: TypedFilter, call: Call): FactState {
  const { facts = {}, args, properties, ancestors, belongs } = call;
  switch (filter.on) {
    case "workloads":
      return belongs?.(filter.workloads) === "unsure" ? "unknown" : "known";
    case "arg":
      if (filter.test.op.startsWith("str-")) return facts.text ?? "known";
      if (filter.test.op === "origin") return facts.origin ?? "known";
      return peerFact(
        filter.test.op,
        filter.arg === "return" ? undefined : args[filter.arg],
        facts.peer,
      );
    case "binary":
      return (filter.match === "file" ? facts.file : facts.binary) ?? "known";
    case "parent-binary":
    case "ancestor-binary":
      return facts.parent ?? "known";
    case "namespace":
      return facts.namespaces ?? "known";
    case "pid":
      return (filter.followForks ? facts.ancestors : undefined) ?? "known";
    case "namespace-change":
    case "capability-change":
      return facts.before ?? "known";
    case "process":
      if (filter.property === "InInitTree")
        return facts.ancestors ?? (ancestors.zero ? "absent" : "known");
      return properties[filter.property] === undefined ? "absent" : "known";
    case "exec-argument":
      return facts.exec ?? (execTexts(filter, call.exec).length === 0 ? "absent" : "known");
    case "exec-variable":
      return facts.exec ?? variablesFact(execTexts(filter, call.exec), filter.test);
    default:
      return "known";
  }
}

/** A variable that is set more than once, to what fits and to what does not. */
function variablesFact(values: readonly string[], test: ExecTest): FactState {
  if (test.op === "exists") return "known";
  if (values.length === 0) return "absent";
  const fitting = values.filter((value) => testHolds({ ...test, negate: false }, value)).length;
  return fitting === 0 || fitting === values.length ? "known" : "unknown";
}

/**
 * A socket without addresses has no ports either. Of an unspecified peer the address is unknown, and the
 * family where it is IPv6: a socket that is bound to an IPv4 address by then connects by IPv4.
 */
function peerFact(
  op: ArgTest["op"],
  value: Value | undefined,
  peer: FactState = "known",
): FactState {
  if (peer === "absent" && ["saddr", "daddr", "sport", "dport"].includes(op)) return "absent";
  if (peer !== "unknown") return "known";
  return op === "daddr" || (op === "family" && socket(value).addressFamily === 6)
    ? "unknown"
    : "known";
}
