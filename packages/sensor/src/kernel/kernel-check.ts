// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { type CheckedPolicy, type CompiledHook, eachFunction, hintOf } from "@gander/policy";
import { planHook } from "../plan/attach-plan.ts";
import type { PlanFacts } from "../plan/plan-facts.ts";

export type { PlanFacts } from "../plan/plan-facts.ts";
export { createProgramFiles } from "./program-files.ts";
export { readRunningKernel } from "./read-running-kernel.ts";

/**
 * Problems that the kernel of `facts` has with a valid policy: errors where a hook cannot do what it says,
 * warnings where it does less. Loads nothing.
 */
export function checkOnKernel(
  { compiled }: CheckedPolicy,
  facts: PlanFacts,
  file: string,
): readonly Problem[] {
  return compiled.hooks.flatMap(eachFunction).flatMap((hook) => checkHook(hook, facts, file));
}

function checkHook(hook: CompiledHook, facts: PlanFacts, file: string): readonly Problem[] {
  const problem = { file, path: hook.path, line: 0, column: 0 };
  const plan = planHook(hook, facts);
  if (plan.refusals === undefined)
    return plan.weaknesses.map((message) => ({
      ...problem,
      code: "kernel-unsupported",
      message: `${hook.path}: ${message}`,
      hint: "",
      severity: "warning",
    }));
  return plan.refusals.map(({ code, message, hint, path = hook.path }) => ({
    ...problem,
    path,
    code,
    message: `${hook.path}: ${message}`,
    hint: hintOf(hook, { code, hint }),
    severity: hook.ignoreCallNotFound && code === "kernel-no-function" ? "note" : "error",
  }));
}
