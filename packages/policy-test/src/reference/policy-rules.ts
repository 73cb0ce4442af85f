// SPDX-License-Identifier: Apache-2.0
import {
  type ArgType,
  type CompiledHook,
  type CompiledPolicy,
  eachFunction,
  type TypedHook,
  typeSelectors,
} from "@gander/policy";
import { action, type PlannedSelector, selectorsFor } from "@gander/sensor/reference";
import { argumentValue } from "./argument-value.ts";
import type { KernelCall } from "./model/kernel-call.ts";
import { knownHooks } from "./model/operation-models.ts";

/** What a selector does to a call, the stronger the later. */
export const effects = ["none", "reported", "denied", "killed"] as const;
export type Effect = (typeof effects)[number];

/** A hook entry of a policy at one function. */
export type Rule = {
  readonly policy: CompiledPolicy;
  readonly hook: CompiledHook;
  /** As the model calls it. */
  readonly at: string;
  /** It gets the arguments of the function that calls an LSM hook, not the hook's. */
  readonly ofFunction: boolean;
};

/** Functions that call an LSM hook of another name. */
const otherNames: Readonly<Record<string, string>> = {
  security_bprm_check: "bprm_check_security",
  security_create_user_ns: "userns_create",
};

/** Rules by hook, and those that are at hooks which the model does not know. */
export function rulesOf(policies: readonly CompiledPolicy[]) {
  const rules = policies.flatMap((policy) =>
    policy.hooks.flatMap(eachFunction).map((hook): Rule => ({ policy, hook, ...placeOf(hook) })),
  );
  return {
    known: Map.groupBy(
      rules.filter(({ at }) => knownHooks.has(at)),
      ({ at }) => at,
    ) as ReadonlyMap<string, readonly Rule[]>,
    unknown: rules.filter(({ at }) => !knownHooks.has(at)),
  };
}

/** As the model calls them. */
export const hooksOf = ({ hooks }: CompiledPolicy): ReadonlySet<string> =>
  new Set(hooks.flatMap(eachFunction).map((hook) => placeOf(hook).at));

function placeOf(hook: CompiledHook): Pick<Rule, "at" | "ofFunction"> {
  const { kind, target, generated } = hook;
  const isFunction = kind === "kprobe" && generated === undefined;
  if (kind === "lsm") return { at: target, ofFunction: false };
  if (!isFunction) return { at: `${kind} ${target}`, ofFunction: false };
  const isLsm = target.startsWith("security_");
  if (!isLsm) return { at: target, ofFunction: false };
  const at = otherNames[target] ?? target.replace(/^security_/, "");
  return { at, ofFunction: true };
}

/** The arguments as a call has them: values of arguments without a type are compared by the C type. */
export function typedFor({ hook, ofFunction }: Rule, call: KernelCall) {
  const values = hook.args.map((arg) => argumentValue(arg, call, ofFunction));
  const types = hook.args.map(({ type }, i): ArgType | undefined =>
    type === "auto" ? values[i]?.type : type,
  );
  const returned = hook.returnArg?.type;
  const typed = typeSelectors(hook, {
    args: types,
    returned: returned === "auto" ? "int" : returned,
  });
  const typedHook = {
    ...hook,
    args: hook.args.map((arg, i) => ({ ...arg, type: types[i] ?? "nop" })),
    selectors: typed.selectors,
  } as TypedHook;
  return { values, hook: typedHook, refusals: typed.refusals };
}

const killing = 9;

/** What the actions of each selector do; undefined: the model can't say. */
export function effectsOf({ policy }: Rule, hook: TypedHook): readonly (Effect | undefined)[] {
  const enforces = policy.mode === "enforce";
  return selectorsFor(hook, "decide").map((selector) => effectOf(selector, enforces));
}

function effectOf({ verdict }: PlannedSelector, enforces: boolean): Effect | undefined {
  const does = (bit: number) => (verdict.actions & bit) !== 0;
  const posted = does(action.ACTION_POST) ? "reported" : "none";
  if (!enforces) return posted;
  if (does(action.ACTION_KILL)) return "killed";
  if (does(action.ACTION_MARK_CALL | action.ACTION_SET)) return undefined;
  if (does(action.ACTION_SIGNAL)) return verdict.signal === killing ? "killed" : undefined;
  return does(action.ACTION_DENY) ? "denied" : posted;
}
