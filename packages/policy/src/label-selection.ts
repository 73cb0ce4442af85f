// SPDX-License-Identifier: Apache-2.0
import type { LabelSelector } from "./compiled-policy.ts";

/** The value of a label, or undefined if absent. */
type LabelOf = (key: string) => string | undefined;

/** Whether labels are selected. As in Kubernetes, NotIn also matches if the label is absent. */
export function selects(
  { matchLabels, matchExpressions }: LabelSelector,
  labelOf: LabelOf,
): boolean {
  for (const key in matchLabels) if (labelOf(key) !== matchLabels[key]) return false;
  return matchExpressions.every((requirement) => holds(requirement, labelOf(requirement.key)));
}

type Requirement = LabelSelector["matchExpressions"][number];

function holds({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}

/** Policies can use a pod's namespace as if it were one of its labels. */
export const namespaceLabel = "k8s:io.kubernetes.pod.namespace";

type Labels = Readonly<Record<string, string>>;

/** Labels as a node selector sees them. */
export function labelsOf(labels: Labels): LabelOf {
  return (key) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
}

/** Labels as a pod selector sees them. */
export function podLabels({
  namespace,
  labels,
}: {
  readonly namespace: string;
  readonly labels: Labels;
}): LabelOf {
  const own = labelsOf(labels);
  return (key) => (key === namespaceLabel ? namespace : own(key));
}
