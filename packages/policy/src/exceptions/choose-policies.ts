// SPDX-License-Identifier: Apache-2.0
import { namespacedExceptionsAnnotation } from "@gander/crd-schemas";
import { labelsOf, selects } from "../label-selection.ts";
import type { CompiledException } from "./policy-exception.ts";

/** What an exception can choose a policy by. */
export type ChosenPolicy = {
  readonly name: string;
  /** Empty: for the whole cluster. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** not-allowed: it names a policy that takes no exceptions of namespaces. */
export type Choice = "chosen" | "not-chosen" | "not-allowed";

/**
 * Who may write exceptions in a namespace must not exempt themselves from what holds for the whole cluster: a policy
 * for the cluster has them only if it says so itself.
 */
export function choosesPolicy(
  { namespace, policies }: Pick<CompiledException, "namespace" | "policies">,
  policy: ChosenPolicy,
): Choice {
  if (namespace !== "" && policy.namespace !== "" && policy.namespace !== namespace)
    return "not-chosen";
  const isOfOther = namespace !== "" && policy.namespace === "";
  const { key, value } = namespacedExceptionsAnnotation;
  const isAllowed = !isOfOther || policy.annotations[key] === value;
  if (policies.labels !== undefined) {
    const isSelected = selects(policies.labels, labelsOf(policy.labels));
    return isSelected && isAllowed ? "chosen" : "not-chosen";
  }
  if (policies.names.includes("*")) return isAllowed ? "chosen" : "not-chosen";
  const isNamed = policies.names.some((name) => fits(name, policy, namespace));
  if (!isNamed) return "not-chosen";
  return isAllowed ? "chosen" : "not-allowed";
}

/** In an exception of a namespace, a name alone may be of either scope. */
function fits(written: string, { name, namespace }: ChosenPolicy, home: string): boolean {
  const slash = written.indexOf("/");
  if (slash === -1) return written === name && (namespace === "" || namespace === home);
  const [of, which] = [written.slice(0, slash), written.slice(slash + 1)];
  return of === namespace && namespace !== "" && (which === "*" || which === name);
}
