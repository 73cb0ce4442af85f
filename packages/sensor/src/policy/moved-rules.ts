// SPDX-License-Identifier: Apache-2.0
// Rules whose hook is replaced by one with more features (docs/decisions/0048). The new program is attached beside
// the old one, under a number that no table names. One write of the tables lets the rules move. A call in that
// moment may have passed the new program before it and reach the old one after it: so the old one keeps the rules
// until no such call is in progress. It enforces them, but counts and reports nothing.
import { type HookPoint, hookPointKey } from "@gander/policy";
import type { PolicyKernel } from "../kernel/policy-kernel.ts";
import { action } from "../link/abi.gen.ts";
import type { InstalledRule } from "../link/planned-rule.ts";
import { activeRules, allRules, type InstalledPolicy } from "./installed-policy.ts";

/** By `keyText`. */
type Policies = ReadonlyMap<string, InstalledPolicy>;

/** The number of a counter that is never read. */
export const uncounted = 0;

/** Of no rule: see `RuleRegistry`. */
const noRule = 0;

/** The policies with each rule at the hook with the most features. Those that stay are the same objects. */
export function moveRules(policies: Policies, kernel: Pick<PolicyKernel, "hookAt">): Policies {
  const place = (rule: InstalledRule): InstalledRule => {
    const hookId = canMove(rule.planned.point) ? kernel.hookAt(rule.planned.point) : undefined;
    return hookId === undefined || hookId === rule.hookId ? rule : { ...rule, hookId };
  };
  const moved = [...policies].map(([key, policy]) => {
    const hooks = policy.hooks.map((hook) => ({ ...hook, rules: hook.rules.map(place) }));
    const isSame = allRules(policy).every((rule) => place(rule) === rule);
    return [key, isSame ? policy : { ...policy, hooks }] as const;
  });
  return moved.every(([key, policy]) => policies.get(key) === policy) ? policies : new Map(moved);
}

/**
 * Where a function returns, the new program would miss the calls that have begun. Rules stay there: no program at
 * such a place keeps another from being called.
 */
const canMove = ({ kind }: HookPoint) =>
  kind !== "fexit" && kind !== "kretprobe" && kind !== "uretprobe";

/** What the hooks that rules leave still have to enforce: the rules of policies that enforce before and after. */
export function rulesLeftBehind(before: Policies, next: Policies): InstalledPolicy[] {
  return [...before].flatMap(([key, policy]) => {
    const successor = next.get(key);
    if (policy.mode !== "enforce" || successor?.mode !== "enforce" || !successor.enabled) return [];
    const now = new Map(allRules(successor).map((rule) => [placeOf(rule), rule.hookId]));
    const hasLeft = (rule: InstalledRule) =>
      canMove(rule.planned.point) && (now.get(placeOf(rule)) ?? rule.hookId) !== rule.hookId;
    if (!activeRules(policy).some(hasLeft)) return [];
    const hooks = policy.hooks.map((hook) => ({
      ...hook,
      rules: hook.rules.filter(hasLeft).map(quiet),
    }));
    return [{ ...policy, hooks }];
  });
}

const placeOf = ({ planned }: InstalledRule) => hookPointKey(planned.point);

/** What both programs would do to the same registers would be done twice. */
const notLeft = ({ assignments }: InstalledRule["planned"]["selectors"][number]["verdict"]) =>
  action.ACTION_POST | (assignments === undefined ? 0 : action.ACTION_DENY);

function quiet({ hookId, planned, counters }: InstalledRule): InstalledRule {
  const selectors = planned.selectors.map(({ verdict, ...selector }) => ({
    ...selector,
    verdict: { ...verdict, actions: verdict.actions & ~notLeft(verdict) },
  }));
  return {
    id: noRule,
    hookId,
    planned: { ...planned, selectors },
    counters: counters.map(() => uncounted),
  };
}
