// SPDX-License-Identifier: Apache-2.0
import { hookKinds } from "@gander/crd-schemas";
import type {
  CompiledAction,
  CompiledFilter,
  CompiledHook,
  CompiledPolicy,
  CompiledSelector,
} from "../compiled-policy.ts";
import { wantsReturn } from "../kernel-check/hook-traits.ts";
import { budgetText } from "../language/event-budget.ts";
import { quote } from "../language/values.ts";
import { setsOfHooks } from "../sets/resolve-sets.ts";
import { isClusterSet } from "../sets/set-reference.ts";
import { type ActionContext, actionText } from "./action-text.ts";
import { type BlindSpot, blindSpotsOf } from "./blind-spots.ts";
import { type CallCost, costOf } from "./call-cost.ts";
import { argumentText, filterText } from "./filter-text.ts";
import { hookNote } from "./hook-notes.ts";
import { words } from "./words.ts";
import { labelText, processesOf } from "./workload-text.ts";

/** What a policy does, in sentences; independent of any kernel. */
export type Explanation = {
  readonly name: string;
  /** Empty for policies of the whole cluster. */
  readonly namespace: string;
  readonly mode: CompiledPolicy["mode"];
  /** The processes that it is for. */
  readonly appliesTo: string;
  /** It chooses workloads or nodes, or names sets of the cluster: a sensor without the operator refuses it. */
  readonly needsOperator: boolean;
  /** At most so many events; empty: no limit of its own. */
  readonly eventBudget: string;
  readonly hooks: readonly HookExplanation[];
};

export type HookExplanation = {
  /** In the spec: `spec.kprobes[0]`. */
  readonly path: string;
  readonly hooks: string;
  /** When the kernel gets there, if that is known. */
  readonly when?: string;
  readonly reads: readonly string[];
  /** Tried in this order; the first whose conditions hold decides. */
  readonly rules: readonly RuleExplanation[];
  readonly cost: CallCost;
  readonly blindSpots: readonly BlindSpot[];
};

export type RuleExplanation = {
  /** All must hold; none: every call. */
  readonly conditions: readonly string[];
  readonly effects: readonly string[];
  /** What is asked and done when the function returns. */
  readonly returnConditions: readonly string[];
  readonly returnEffects: readonly string[];
};

/**
 * Pure: the same policy gives the same sentences everywhere. `named` is the policy with the names of sets in the place
 * of their values, if it has some: those are what a reader wants to see.
 */
export function explainPolicy(policy: CompiledPolicy, named?: CompiledPolicy): Explanation {
  const { name, namespace, mode, eventBudget } = policy;
  return {
    ...{ name, namespace, mode },
    appliesTo: appliesTo(policy),
    needsOperator: needsOperator(policy) || setsOfHooks(named?.hooks ?? []).some(isClusterSet),
    eventBudget: eventBudget ? `at most ${budgetText(eventBudget)} on a node` : "",
    hooks: policy.hooks.map((hook, i) => explainHook(hook, named?.hooks[i] ?? hook, mode)),
  };
}

function explainHook(
  hook: CompiledHook,
  named: CompiledHook,
  mode: CompiledPolicy["mode"],
): HookExplanation {
  const note = hookNote(hook);
  return {
    path: hook.path,
    hooks: hookText(hook),
    ...(note?.when && { when: note.when }),
    reads: [...hook.args, ...(hook.returnArg ? [hook.returnArg] : [])]
      .filter(({ type }) => type !== "nop")
      .map((arg) => argumentText(arg, { isReturn: arg === hook.returnArg })),
    rules: named.selectors.map((selector) => explainRule(selector, hook, mode)),
    cost: costOf(hook),
    blindSpots: blindSpotsOf(hook),
  };
}

function explainRule(
  { filters, returnFilters, actions, returnActions }: CompiledSelector,
  hook: CompiledHook,
  mode: CompiledPolicy["mode"],
): RuleExplanation {
  const say = (list: readonly CompiledFilter[]) => list.map((filter) => filterText(filter, hook));
  // What is posted waits for the return if there is one.
  const late = wantsReturn(hook);
  const context = (atReturn: boolean): ActionContext => ({
    ...{ atReturn, enforces: mode === "enforce", decides: decides(hook) },
    ofProgram: hookKinds[hook.kind].ofProgram,
  });
  const posts = ![...actions, ...returnActions].some(({ action }) => action === "no-post");
  const [now, later] = [actions, returnActions].map((list, i) =>
    list.flatMap((action) => actionText(action, context(i === 1))),
  );
  const post = posts ? [postText([...actions, ...returnActions])] : ["no event is posted"];
  return {
    conditions: say(filters),
    effects: [...(now ?? []), ...(late ? [] : post)],
    returnConditions: say(returnFilters),
    returnEffects: late ? [...(later ?? []), ...post] : [],
  };
}

function postText(actions: readonly CompiledAction[]): string {
  const post = actions.find((one) => one.action === "post");
  if (post === undefined) return "an event is posted";
  const stacks = [post.kernelStack && "the kernel's", post.userStack && "the program's"];
  const withStacks = stacks.filter((one) => one !== false);
  return [
    "an event is posted",
    ...(withStacks.length > 0 ? [`with ${words(withStacks, "and")} stack trace`] : []),
    ...(post.imaHash ? ["with the hash of the file"] : []),
    ...(post.rateLimit
      ? [`at most once in ${post.rateLimit.windowMs / 1000} s ${scopes[post.rateLimit.scope]}`]
      : []),
  ].join(", ");
}

const scopes = {
  thread: "for a thread with the same values",
  process: "for a process with the same values",
  global: "on a node with the same values",
} as const;

/** Whether the call can be denied there, rather than only its process be killed. */
function decides({ kind, syscall, target }: CompiledHook): boolean {
  if (kind === "lsm") return true;
  return kind === "kprobe" && !syscall && /^(security_|tcp_connect$)/.test(target);
}

function hookText(hook: CompiledHook): string {
  const { kind, target, others = [], generated, program, raw } = hook;
  const names = [target, ...others];
  switch (kind) {
    case "kprobe":
      if (generated?.by === "syscalls") return "every system call that the kernel has";
      if (generated?.by === "pattern")
        return `every function of the kernel whose name matches ${quote(generated.pattern)}`;
      return `the ${hook.syscall ? "system call" : "kernel's function"}${names.length > 1 ? "s" : ""} ${words(names, "and")}`;
    case "lsm":
      return `the kernel's security check (lsm hook) ${words(names, "and")}`;
    case "tracepoint":
      return `the ${raw ? "raw " : ""}tracepoint ${target}`;
    case "uprobe":
    case "usdt": {
      const path = program?.path ?? "";
      const places = names.map((name) => name.slice(path.length + 1));
      return `${kind === "usdt" ? "the static probe" : "the function"}${places.length > 1 ? "s" : ""} ${words(places, "and")} of ${quote(path)}`;
    }
    case "loader":
      return hookKinds.loader.says;
  }
}

function appliesTo({ workloads, nodeSelector, namespace }: CompiledPolicy): string {
  const where = nodeSelector ? ` on nodes whose labels ${labelText(nodeSelector)}` : "";
  return `${workloads === undefined && namespace === "" ? "every process" : processesOf(workloads, namespace)}${where}`;
}

function needsOperator({ namespace, workloads, nodeSelector, hooks }: CompiledPolicy): boolean {
  if (namespace !== "" || nodeSelector !== undefined) return true;
  if (workloads?.podSelector !== undefined || workloads?.containerSelector !== undefined)
    return true;
  return hooks.some(({ selectors }) =>
    selectors.some(({ filters }) => filters.some(({ on }) => on === "workloads")),
  );
}
