// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { LabelSelectorSpec } from "@gander/crd-schemas";
import type { CompiledFilter, LabelSelector, WorkloadSelector } from "../compiled-policy.ts";
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";

/** What a policy, or one of its selectors, says of workloads. */
type WorkloadsSpec = Pick<LooseSpec, "podSelector" | "containerSelector" | "hostSelector">;

/** Which workloads a policy applies to; undefined means everything. */
export function compileWorkloads(
  spec: WorkloadsSpec,
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

/** Which workloads of the policy's own a selector is for; undefined means all of them. */
export function compileMatchWorkloads(
  spec: WorkloadsSpec,
  scope: Scope,
  { namespaced, isForHost }: PolicyWorkloads,
): CompiledFilter | undefined {
  // In a namespaced policy, no selector at all means the pods of its namespace: all that it applies to.
  const given = spec.podSelector ?? spec.containerSelector ?? spec.hostSelector;
  const workloads = given && compileWorkloads(spec, scope, namespaced);
  if (workloads === undefined || isEverything(workloads)) return undefined;
  const { podSelector, containerSelector, host } = workloads;
  if (host && !isForHost && !namespaced && !podSelector && !containerSelector)
    scope
      .at("hostSelector")
      .onKey.warning(
        "policy-contradiction",
        "The selector is for processes of the host, to which the policy does not apply, so it never matches",
        "Add `hostSelector: {}` to the spec, or remove it here.",
      );
  return { on: "workloads", workloads };
}

/** Whether the filter holds for processes of some pods. */
export const choosesPods = (filter: CompiledFilter): boolean =>
  filter.on === "workloads" &&
  (filter.workloads.podSelector ?? filter.workloads.containerSelector) !== undefined;

export const choosesHost = (filter: CompiledFilter): boolean =>
  filter.on === "workloads" && filter.workloads.host;

/** What the workloads of a selector depend on. */
export type PolicyWorkloads = {
  readonly namespaced: boolean;
  /** The policy applies to processes outside of pods. */
  readonly isForHost: boolean;
};

/** Whether a policy applies to processes outside of pods. */
export function isForHost(
  { podSelector, containerSelector, hostSelector }: WorkloadsSpec,
  namespaced: boolean,
): boolean {
  if (namespaced) return false;
  return hostSelector !== undefined || (!podSelector && !containerSelector);
}

/** Every pod and the host: no condition, not even for a pod of which nothing is known yet. */
function isEverything({ podSelector, containerSelector, host }: WorkloadSelector): boolean {
  const isAny = ({ matchLabels, matchExpressions }: LabelSelector) =>
    Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  if (!host || (podSelector === undefined && containerSelector === undefined)) return false;
  return [podSelector, containerSelector].every((one) => one === undefined || isAny(one));
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
