// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { LabelSelectorSpec } from "@gander/crd-schemas";
import type { LabelSelector, WorkloadSelector } from "../compiled-policy.ts";
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";

/** Which workloads a policy applies to; undefined means everything. */
export function compileWorkloads(
  spec: LooseSpec,
  scope: Scope,
  namespaced: boolean,
): WorkloadSelector | undefined {
  const podSelector = compileLabelSelector(spec.podSelector, scope.at("podSelector"));
  const containerSelector = compileLabelSelector(
    spec.containerSelector,
    scope.at("containerSelector"),
  );
  if (containerSelector) checkContainerKeys(containerSelector, scope.at("containerSelector"));
  const host = spec.hostSelector !== undefined;
  if (host && namespaced) {
    scope
      .at("hostSelector")
      .onKey.error(
        "policy-rule",
        "A namespaced policy cannot select processes of the host",
        "Use kind TracingPolicy, or remove hostSelector.",
      );
  }
  if (!podSelector && !containerSelector && !host && !namespaced) return undefined;
  return {
    ...(podSelector ? { podSelector } : {}),
    ...(containerSelector ? { containerSelector } : {}),
    host,
  };
}

/** Sorted, so that the order in the file makes no difference. */
export function compileLabelSelector(
  spec: LabelSelectorSpec | undefined,
  scope: Scope,
): LabelSelector | undefined {
  if (spec === undefined) return undefined;
  const labels = Object.entries(spec.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const matchExpressions = (spec.matchExpressions ?? []).map(
    ({ key, operator, values = [] }, i) => {
      const takesValues = operator === "In" || operator === "NotIn";
      const place = scope.at("matchExpressions", i);
      if (takesValues && values.length === 0)
        place.error(
          "policy-missing-field",
          `${operator} needs values`,
          "Add `values:`, or use Exists.",
        );
      if (!takesValues && values.length > 0)
        place.at("values").error("policy-rule", `${operator} takes no values`, "Remove `values`.");
      return { key, operator, values: [...new Set(values)].sort() };
    },
  );
  return { matchLabels: Object.fromEntries(labels), matchExpressions };
}

const containerKeys = ["name", "repo"];

function checkContainerKeys({ matchLabels, matchExpressions }: LabelSelector, scope: Scope): void {
  const wrong = (key: string, place: Scope) => {
    const near = nearestName(key, containerKeys);
    place.error(
      "policy-unknown-value",
      `Containers have no "${key.slice(0, 80)}" to select by`,
      near === undefined
        ? "Possible: name, repo (the image without its tag)."
        : `Did you mean "${near}"?`,
    );
  };
  for (const key of Object.keys(matchLabels)) {
    if (!containerKeys.includes(key)) wrong(key, scope.at("matchLabels", key).onKey);
  }
  for (const [i, { key }] of matchExpressions.entries()) {
    if (!containerKeys.includes(key)) wrong(key, scope.at("matchExpressions", i, "key"));
  }
}
