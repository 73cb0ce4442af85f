// SPDX-License-Identifier: Apache-2.0
import type { CompiledAction, CompiledHook, CompiledSelector } from "../compiled-policy.ts";
import type { AttachFacts } from "./attach-facts.ts";
import type { HookPlan } from "./placement.ts";

/** What hashes files by a policy of its own or none (Linux 5.18), and what programs call. */
export const hashFunctions = ["ima_file_hash", "bpf_ima_file_hash"] as const;

/** A kernel without IMA hashes nothing: the rest of the policy is worth having. */
export function placeHash(
  plan: Extract<HookPlan, { weaknesses: readonly string[] }>,
  hook: CompiledHook,
  facts: Pick<AttachFacts, "prototype">,
): HookPlan {
  const missing = hashFunctions.find((name) => facts.prototype(name) === undefined);
  if (missing === undefined) return plan;
  const why =
    missing === "ima_file_hash" ? "it was built without CONFIG_IMA" : "that takes Linux 5.18";
  return {
    ...plan,
    lowered: { ...hook, selectors: hook.selectors.map(withoutHash) },
    weaknesses: [...plan.weaknesses, `events have no hash, as this kernel computes none: ${why}`],
  };
}

function withoutHash(selector: CompiledSelector): CompiledSelector {
  const plain = (action: CompiledAction): CompiledAction => {
    if (action.action !== "post") return action;
    const { imaHash: _, ...rest } = action;
    return rest;
  };
  return {
    ...selector,
    actions: selector.actions.map(plain),
    returnActions: selector.returnActions.map(plain),
  };
}
