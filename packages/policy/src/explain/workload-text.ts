// SPDX-License-Identifier: Apache-2.0
import type { LabelSelector, WorkloadSelector } from "../compiled-policy.ts";
import { words } from "./words.ts";

/** Absent: all pods of the namespace. */
export function processesOf(workloads: WorkloadSelector | undefined, namespace: string): string {
  const inNamespace = namespace === "" ? "" : ` of namespace ${namespace}`;
  const { podSelector, containerSelector, host = false } = workloads ?? {};
  const pods = podSelector !== undefined || containerSelector !== undefined || !host;
  const parts = [
    ...(pods
      ? [
          [
            containerSelector
              ? `${containersText(containerSelector)}, in pods${inNamespace}`
              : `${isAny(podSelector) ? "all pods" : "pods"}${inNamespace}`,
            ...(podSelector && !isAny(podSelector)
              ? [`whose labels ${labelText(podSelector)}`]
              : []),
          ].join(" "),
        ]
      : []),
    ...(host ? ["the host (outside of pods)"] : []),
  ];
  return `processes of ${words(parts, "and")}`;
}

const isAny = (selector: LabelSelector | undefined): boolean =>
  selector !== undefined && requirements(selector, "").length === 0;

const labelOperators = {
  In: "is",
  NotIn: "is not",
  Exists: "exists",
  DoesNotExist: "does not exist",
} as const;

export function labelText(selector: LabelSelector): string {
  const all = requirements(selector, "=");
  return all.length === 0 ? "are any" : `match ${words(all, "and")}`;
}

/** They have `name` and `repo` in place of labels. */
function containersText(selector: LabelSelector): string {
  const all = requirements(selector, " is ");
  return all.length === 0 ? "containers" : `containers whose ${words(all, "and")}`;
}

function requirements(
  { matchLabels, matchExpressions }: LabelSelector,
  equals: string,
): readonly string[] {
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}${equals}${value}`),
    ...matchExpressions.map(({ key, operator, values }) =>
      [key, labelOperators[operator], words(values, "or")].filter((part) => part !== "").join(" "),
    ),
  ];
}
