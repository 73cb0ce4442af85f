// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type { CheckedPolicy } from "@gander/policy";
import type { PolicyKey, PolicyOrigin, PolicyState } from "../policy/policy-state.ts";

/** The interface's view of the policies in force; the policy manager implements it. */
export type ControlledPolicies = {
  add(
    policy: CheckedPolicy,
    origin: Exclude<PolicyOrigin, "operator">,
  ): Promise<Result<PolicyState>>;
  remove(key: PolicyKey): Promise<Result<void>>;
  setEnabled(key: PolicyKey, to: "enabled" | "disabled"): Promise<Result<PolicyState>>;
  setMode(key: PolicyKey, to: "enforce" | "monitor"): Promise<Result<PolicyState>>;
  rearm(key: PolicyKey): Promise<Result<PolicyState>>;
  list(): readonly PolicyState[];
};

/** Reads a text with policies; returns all problems, or all policies. */
export type PolicyCheck = (
  text: string,
  options: { readonly file: string },
) => { readonly value?: readonly CheckedPolicy[]; readonly problems?: readonly Problem[] };
