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
              ? `containers whose values ${labelText(containerSelector)}, in pods${inNamespace}`
              : `pods${inNamespace}`,
            ...(podSelector ? [`whose labels ${labelText(podSelector)}`] : []),
          ].join(" "),
        ]
      : []),
    ...(host ? ["the host (outside of pods)"] : []),
  ];
  return `processes of ${words(parts, "and")}`;
}

const labelOperators = {
  In: "is",
  NotIn: "is not",
  Exists: "exists",
  DoesNotExist: "does not exist",
} as const;

export function labelText({ matchLabels, matchExpressions }: LabelSelector): string {
  const all = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) =>
      [key, labelOperators[operator], words(values, "or")].filter((part) => part !== "").join(" "),
    ),
  ];
  return all.length === 0 ? "are any" : `match ${words(all, "and")}`;
}
