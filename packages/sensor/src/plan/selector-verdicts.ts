// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";
import {
  type ArgTest,
  type Assignment,
  actionRow,
  argTests,
  type CompiledAction,
  hasForm,
  isEnforcing,
  type Role,
  type SocketActionWord,
  type TypedFilter,
  type TypedHook,
  type TypedSelector,
  wantsReturn,
} from "@gander/policy";
import { action, rateScope } from "../link/abi.gen.ts";
import { actionBit } from "../link/action-bit.ts";
import { markOf } from "../link/call-marks.ts";
import type { PlannedSelector } from "../link/planned-rule.ts";
import { linkedAssignment } from "./linked-assignment.ts";

export function selectorsFor(hook: TypedHook, role: Role): PlannedSelector[] {
  return hook.selectors.map((selector) => roles[role](selector, hook));
}

const roles: Readonly<Record<Role, (selector: TypedSelector, hook: TypedHook) => PlannedSelector>> =
  {
    decide: decided,
    companion: (selector) => {
      const whole = decided(selector);
      const silent = { ...whole.verdict, actions: 0 };
      return selector.actions.some(isEnforcing) ? whole : { ...whole, verdict: silent };
    },
    signal: (selector, hook) => {
      const returns = selector.returnActions;
      const all = [...selector.actions, ...returns];
      return planned(selector, selector.returnFilters, {
        actions: postBits(all) | signalBits(all) | tellBits(all),
        error: 0,
        // At a function of a program. Together with its return it is refused.
        registers: registersOf(selector.actions),
        // What is to be marked before the function runs, the program at its entry marks.
        notifying: wantsReturn(hook) ? returns : all,
      });
    },
    "signal-silently": (selector) =>
      planned(selector, [], {
        actions: signalBits(selector.actions),
        error: 0,
        notifying: selector.actions,
      }),
  };

/**
 * The program itself decides the return value, so the results of return filters are known beforehand: the
 * value is the error if it denies, else 0.
 */
function decided(selector: TypedSelector): PlannedSelector {
  const error = errorOf(selector.actions);
  const seen = selector.returnFilters.every((filter) => returnHolds(filter, BigInt(error)));
  const returned = seen ? selector.returnActions : [];
  const post = seen ? postBits([...selector.actions, ...returned]) : 0;
  const deny = error === 0 ? 0 : action.ACTION_DENY;
  return planned(selector, [], {
    actions:
      post | deny | signalBits([...selector.actions, ...returned]) | tellBits(selector.actions),
    error,
    notifying: [...selector.actions, ...returned],
  });
}

type Effect = {
  /** Absent: a call is denied by `error`, if at all. */
  readonly registers?: readonly Assignment[] | undefined;
  readonly actions: number;
  readonly error: number;
  /** Those that may mark the call here. */
  readonly notifying: readonly CompiledAction[];
};

function planned(
  selector: TypedSelector,
  returnFilters: readonly TypedFilter[],
  { actions, error, notifying, registers = [] }: Effect,
): PlannedSelector {
  const all = [...selector.actions, ...selector.returnActions];
  const rate = all.find((one) => one.action === "post" && one.rateLimit !== undefined);
  const limit = rate?.action === "post" ? rate.rateLimit : undefined;
  const signal = all.find((one) => one.action === "signal");
  const set = all.find((one) => one.action === "set");
  const notice = notifying.find((one) => one.action === "notify-enforcer");
  const { exception } = selector;
  return {
    ...(exception && { exception }),
    filters: selector.filters,
    returnFilters,
    verdict: {
      actions: registers.length > 0 ? actions | action.ACTION_DENY : actions,
      error,
      signal: signal?.action === "signal" ? signal.signal : 0,
      rateScope: limit === undefined ? rateScope.RATE_NONE : scopes[limit.scope],
      rateWindowMs: limit?.windowMs ?? 0,
      ...(set?.action === "set" ? { set: { argument: set.argument, value: set.value } } : {}),
      ...(registers.length > 0 ? { assignments: registers.map(linkedAssignment) } : {}),
      selector: selector.index,
      tracked: socketPosition(all, "track-sock"),
      untracked: socketPosition(all, "untrack-sock"),
      ...(notice?.action === "notify-enforcer" ? { mark: markOf(notice) } : {}),
    },
  };
}

const registersOf = (actions: readonly CompiledAction[]) =>
  actions.flatMap((one) => (one.action === "override" ? (one.registers ?? []) : []));

const scopes = {
  thread: rateScope.RATE_THREAD,
  process: rateScope.RATE_PROCESS,
  global: rateScope.RATE_GLOBAL,
};

/** Posts everything without NoPost. */
function postBits(actions: readonly CompiledAction[]): number {
  if (actions.some((one) => one.action === "no-post")) return 0;
  let bits: number = action.ACTION_POST;
  for (const one of actions) {
    if (one.action !== "post") continue;
    if (one.kernelStack) bits |= action.ACTION_KERNEL_STACK;
    if (one.userStack) bits |= action.ACTION_USER_STACK;
    if (one.imaHash) bits |= action.ACTION_HASH;
  }
  return bits;
}

/** The bits of actions on the process. */
function signalBits(actions: readonly CompiledAction[]): number {
  return actions
    .map((one) => actionRow(one.action))
    .reduce((bits, row) => (row.on === "process" ? bits | actionBit(row) : bits), 0);
}

/** The bits of actions that tell the programs something. */
function tellBits(actions: readonly CompiledAction[]): number {
  return actions
    .map((one) => actionRow(one.action).tells)
    .reduce((bits, tells) => (tells === undefined ? bits : bits | action[`ACTION_${tells}`]), 0);
}

/** Of the socket that an action is about, in the rule's list of arguments. */
function socketPosition(actions: readonly CompiledAction[], name: SocketActionWord) {
  const found = actions.find((one) => one.action === name);
  return found !== undefined && "socket" in found ? found.socket : undefined;
}

/** Negative errno that the call returns; 0: it is allowed. */
function errorOf(actions: readonly CompiledAction[]): number {
  const override = actions.find((one) => one.action === "override");
  if (override?.action === "override" && override.error) return override.error;
  return actions.some((one) => actionRow(one.action).endsCall) ? -constants.errno.EPERM : 0;
}

function returnHolds(filter: TypedFilter, value: bigint): boolean {
  return filter.on !== "arg" || numberHolds(filter.test, value) !== filter.test.negate;
}

function numberHolds(test: ArgTest, value: bigint): boolean {
  if (hasForm(test, "integers")) return test.values.includes(value);
  if (hasForm(test, "ranges"))
    return test.ranges.some(([low, high]) => value >= low && value <= high);
  return hasForm(test, "bound") && test.values.some((one) => argTests[test.op].holds(value, one));
}
