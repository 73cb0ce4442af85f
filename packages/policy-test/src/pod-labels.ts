// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";

/** Labels by which the policies choose the pod of a test. */
export function podLabelsFor(policies: readonly CompiledPolicy[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { workloads } of policies) {
    const { matchLabels = {}, matchExpressions = [] } = workloads?.podSelector ?? {};
    Object.assign(labels, matchLabels);
    for (const { key, operator, values } of matchExpressions)
      if (operator === "Exists" || operator === "In") labels[key] = values[0] ?? "true";
  }
  return labels;
}
