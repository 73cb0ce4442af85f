// SPDX-License-Identifier: Apache-2.0
import type { TypedHook } from "@gander/policy";
import { anyEffect, type CallCounter, judgeCall, type RuleView } from "./judge-call.ts";
import type { Step, Steps } from "./model/kernel-call.ts";
import { execHooks } from "./model/operation-models.ts";
import { type Effect, effects, effectsOf, type Rule, type rulesOf } from "./policy-rules.ts";

/** How an operation may end: one effect, if everything is known. */
export type Ending = {
  readonly possible: ReadonlySet<Effect>;
  /** What rules made of its calls. */
  readonly views: readonly RuleView[];
  /** The hooks that it called. */
  readonly called: ReadonlySet<string>;
  /** What would have to be known. */
  readonly reasons: readonly string[];
  /** The call that was refused belongs to what the operation needs, not to what it is for. */
  readonly brokeOff: boolean;
};

type Policies = {
  readonly rules: ReturnType<typeof rulesOf>;
  readonly labels: Readonly<Record<string, string>>;
};

/** Goes through the calls of an operation until one is refused. */
export function judgeOperation(
  steps: Steps,
  { rules, labels }: Policies,
  count: CallCounter,
): Ending {
  const views: RuleView[] = [];
  const called = new Set<string>();
  const reasons = new Set<string>();
  const ended = new Set<Effect>();
  // Of the calls that were let pass.
  let soFar: ReadonlySet<Effect> = new Set(["none"]);
  const go = (effect: ReadonlySet<Effect>): boolean => {
    const passing = [...effect].filter((one) => !isEnd(one));
    for (const one of effect) if (isEnd(one)) ended.add(one);
    soFar = new Set(passing.flatMap((one) => [...soFar].map((other) => stronger(one, other))));
    return passing.length > 0;
  };
  const effectOf = (step: Step): ReadonlySet<Effect> => {
    if ("program" in step) {
      const open = [...rules.known.values()].flat().filter(({ at }) => !execHooks.has(at));
      if (open.length > 0) reasons.add(`what ${step.program} does once it runs`);
      return together(open.map(mayDo));
    }
    if (step.perhaps === undefined) called.add(step.hook);
    const found = (rules.known.get(step.hook) ?? []).map((rule) =>
      judgeCall(rule, step, labels, count),
    );
    views.push(...found);
    for (const { reason, possible } of found)
      if (reason !== undefined && possible.size > 1) reasons.add(reason);
    return together(found.map(({ possible }) => new Set(possible.keys())));
  };
  for (const step of steps) {
    if (go(effectOf(step))) continue;
    const brokeOff = !("program" in step) && step.prepares === true;
    return { possible: ended, views, called, reasons: [...reasons], brokeOff };
  }
  for (const { hook } of rules.unknown) reasons.add(`whether ${hook.target} is called`);
  go(together(rules.unknown.map(mayDo)));
  const possible = new Set([...ended, ...soFar]);
  return { possible, views, called, reasons: [...reasons], brokeOff: false };
}

const isEnd = (effect: Effect) => effect === "denied" || effect === "killed";

const stronger = (one: Effect, other: Effect): Effect =>
  effects.indexOf(one) > effects.indexOf(other) ? one : other;

/** What may happen if each of several rules has one of its effects. */
function together(each: readonly ReadonlySet<Effect>[]): ReadonlySet<Effect> {
  let all: ReadonlySet<Effect> = new Set(["none"]);
  for (const next of each)
    all = new Set([...all].flatMap((one) => [...next].map((two) => stronger(one, two))));
  return all;
}

/** Any of its selectors may match, or none. */
function mayDo(rule: Rule): ReadonlySet<Effect> {
  const each = effectsOf(rule, rule.hook as TypedHook);
  const known = each.filter((effect) => effect !== undefined);
  return new Set(known.length < each.length ? anyEffect.keys() : ["none" as const, ...known]);
}
