// SPDX-License-Identifier: Apache-2.0
import type { TypedFilter, TypedHook } from "@gander/policy";
import { allOf, type Decided, decideFilter, type Facts } from "./filter-decision.ts";
import type { KernelCall } from "./model/kernel-call.ts";
import { type Effect, effects, effectsOf, type Rule, typedFor } from "./policy-rules.ts";

export type FilterView = { readonly filter: TypedFilter; readonly decided: Decided };

export type SelectorView = {
  /** Its position in the hook entry. */
  readonly index: number;
  readonly decided: Decided;
  readonly filters: readonly FilterView[];
};

/** What a rule makes of a call. */
export type RuleView = {
  readonly rule: Rule;
  readonly hook: TypedHook;
  readonly facts: Facts;
  /** Those that were looked at: behind one that holds, none is. */
  readonly selectors: readonly SelectorView[];
  /** What may happen: one effect, if everything is known. With the selector that does it. */
  readonly possible: ReadonlyMap<Effect, number | undefined>;
  /** Why more than one effect is possible. */
  readonly reason?: string;
};

/** Counts calls for selectors with `matchCount`. */
export type CallCounter = (rule: Rule, selector: number, per: "process" | "container") => number;

export function judgeCall(
  rule: Rule,
  call: KernelCall,
  labels: Facts["labels"],
  count: CallCounter,
): RuleView {
  const { values, hook, refusals } = typedFor(rule, call);
  const facts = { call, values, labels };
  const view = { rule, hook, facts };
  const [refusal] = refusals;
  if (refusal !== undefined)
    return { ...view, selectors: [], possible: anyEffect, reason: refusal.message };
  const does = effectsOf(rule, hook);
  const selectors: SelectorView[] = [];
  const possible = new Map<Effect, number | undefined>();
  let reason = call.perhaps;
  for (const { index, filters, returnFilters } of hook.selectors) {
    const views = filters.map((filter) => ({ filter, decided: decideFilter(filter, facts) }));
    let decided = allOf(views.map((one) => one.decided));
    if (decided === "holds" && !isReached(rule, index, filters, count)) decided = "fails";
    if (decided === "holds" && returnFilters.length > 0 && !returnsZero(rule))
      decided = "undecided";
    selectors.push({ index, decided, filters: views });
    if (decided === "fails") continue;
    const effect = does[hook.selectors.findIndex((one) => one.index === index)];
    if (effect === undefined) for (const one of effects) possible.set(one, index);
    else if (!possible.has(effect)) possible.set(effect, index);
    if (effect === undefined) reason ??= `what the actions of selector ${index} do`;
    if (decided === "holds") break;
    reason ??= unknownPart(views, hook, call);
  }
  if (selectors.at(-1)?.decided !== "holds" || call.perhaps !== undefined)
    if (!possible.has("none")) possible.set("none", undefined);
  return { ...view, selectors, possible, ...(reason !== undefined && { reason }) };
}

export const anyEffect: ReadonlyMap<Effect, undefined> = new Map(
  effects.map((effect) => [effect, undefined]),
);

function isReached(
  rule: Rule,
  selector: number,
  filters: readonly TypedFilter[],
  count: CallCounter,
): boolean {
  const wanted = filters.find((filter) => filter.on === "count");
  return wanted === undefined || count(rule, selector, wanted.per) >= wanted.atLeast;
}

/** A hook that has let the call pass. */
const returnsZero = ({ hook, ofFunction }: Rule): boolean => hook.kind === "lsm" || ofFunction;

/** What has to be known to decide a selector. */
function unknownPart(views: readonly FilterView[], hook: TypedHook, call: KernelCall): string {
  const filter = views.find(({ decided }) => decided === "undecided")?.filter;
  if (filter?.on === "arg" && filter.arg !== "return") {
    const arg = hook.args[filter.arg];
    const behind = arg?.resolve === undefined ? "" : ` → ${arg.resolve}`;
    return `what argument ${arg?.index}${behind} of ${call.hook} is`;
  }
  return filter === undefined
    ? `what ${call.hook} returns`
    : `the facts for a filter of the kind "${filter.on}"`;
}
