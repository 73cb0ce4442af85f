// SPDX-License-Identifier: Apache-2.0
import { actionRow } from "@gander/crd-schemas";
import type {
  CompiledAction,
  CompiledFilter,
  CompiledHook,
  CompiledSelector,
  RequestAction,
} from "../compiled-policy.ts";

/** Whether a hook entry does more than observe. */
export function enforces(hook: CompiledHook): boolean {
  return hook.selectors.some(({ actions, returnActions }) =>
    [...actions, ...returnActions].some(isEnforcing),
  );
}

/** Whether it acts on the call or its process itself, rather than by an enforcer. */
export function stops(hook: CompiledHook): boolean {
  return hook.selectors.some(({ actions, returnActions }) =>
    [...actions, ...returnActions].some(
      (one) => isEnforcing(one) && one.action !== "notify-enforcer",
    ),
  );
}

export function isEnforcing({ action }: CompiledAction): boolean {
  return actionRow(action).enforces !== undefined;
}

/** What a selector makes the sensor ask of the network. */
export function requestsOf({
  actions,
  returnActions,
}: Pick<CompiledSelector, "actions" | "returnActions">): readonly RequestAction[] {
  return [...actions, ...returnActions].filter((one) => "url" in one || "name" in one);
}

export function overrides(hook: CompiledHook): boolean {
  return hook.selectors.some(({ actions, returnActions }) =>
    [...actions, ...returnActions].some(({ action }) => action === "override"),
  );
}

export function wantsReturn(hook: CompiledHook): boolean {
  return (
    hook.returnArg !== undefined ||
    hook.args.some(({ returnCopy }) => returnCopy) ||
    hook.selectors.some(
      ({ returnFilters, returnActions }) => returnFilters.length > 0 || returnActions.length > 0,
    )
  );
}

/** Whether all enforcing actions depend on the return value, so that the function must run first. */
export function onlyOnReturn(hook: CompiledHook): boolean {
  return !hook.selectors.some(({ actions }) => actions.some(isEnforcing));
}

/** Whether it reads what the program that is about to run gets. */
export function readsExec(hook: CompiledHook): boolean {
  return hook.selectors.some(({ filters }) =>
    filters.some(({ on }) => on === "exec-argument" || on === "exec-variable"),
  );
}

/** Whether its events have the hash of a file. */
export function wantsHash({ selectors }: CompiledHook): boolean {
  return selectors.some(({ actions, returnActions }) =>
    [...actions, ...returnActions].some((one) => one.action === "post" && one.imaHash),
  );
}

/** Only a probe sees registers: trampolines have arguments alone. */
export const readsRegisters = ({ args }: CompiledHook): boolean =>
  args.some(({ source }) => source === "registers");

export function looksAtSource(filter: CompiledFilter): boolean {
  return filter.on === "arg" && ["saddr", "sport", "state"].includes(filter.test.op);
}
