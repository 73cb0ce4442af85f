// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type { CheckedPolicy } from "@gander/policy";
import type { PolicyKey, PolicyOrigin, PolicyState } from "../policy/policy-state.ts";

/** What the interface needs of the policies that are in force; the policy manager fits. */
export type ControlledPolicies = {
  add(
    policy: CheckedPolicy,
    origin: Exclude<PolicyOrigin, "operator">,
  ): Promise<Result<PolicyState>>;
  remove(key: PolicyKey): Promise<Result<void>>;
  setEnabled(key: PolicyKey, to: "enabled" | "disabled"): Promise<Result<PolicyState>>;
  setMode(key: PolicyKey, to: "enforce" | "monitor"): Promise<Result<PolicyState>>;
  list(): readonly PolicyState[];
};

/** Reads a text with policies; gives all that is wrong, or all of them. */
export type PolicyCheck = (
  text: string,
  options: { readonly file: string },
) => { readonly value?: readonly CheckedPolicy[]; readonly problems?: readonly Problem[] };
