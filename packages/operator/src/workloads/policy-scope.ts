// SPDX-License-Identifier: Apache-2.0
import { type LabelSelector, labelsOf, namespaceLabel, podLabels, selects } from "@gander/policy";
import type { Labels, PolicyTargets } from "./workload.ts";

/** The properties of pods that a policy can distinguish. */
export type PodTraits = {
  readonly namespace: string;
  readonly labels: Labels;
  readonly containers: readonly string[];
};

/** The nodes and pods that a policy applies to. */
export type PolicyScope = {
  readonly host: boolean;
  nodes(labels: Labels): boolean;
  /** Whether it may apply to one of the containers; the sensor decides to which. */
  pods(traits: PodTraits): boolean;
  /**
   * Only pods with one of these traits can match, as texts of `traitKeys`, one list per condition; if
   * empty, any pod can match.
   */
  readonly conditions: readonly (readonly string[])[];
};

export function policyScope({ namespace, workloads, nodeSelector }: PolicyTargets): PolicyScope {
  const { podSelector, containerSelector } = workloads ?? {};
  const host = namespace === "" && (workloads === undefined || workloads.host);
  const hostOnly = workloads?.host === true && !podSelector && !containerSelector;
  const pods = (traits: PodTraits) =>
    !hostOnly &&
    (namespace === "" || traits.namespace === namespace) &&
    (podSelector === undefined || selects(podSelector, podLabels(traits))) &&
    (containerSelector === undefined || maySelectContainer(containerSelector, traits));
  return {
    host,
    nodes: (labels) => nodeSelector === undefined || selects(nodeSelector, labelsOf(labels)),
    pods,
    conditions: hostOnly
      ? [[]]
      : [...(namespace === "" ? [] : [[namespaceKey(namespace)]]), ...conditionsOf(podSelector)],
  };
}

/** The keys by which `conditions` are looked up. */
export function traitKeys({ namespace, labels }: PodTraits): readonly string[] {
  return [
    namespaceKey(namespace),
    ...Object.entries(labels).map(([key, value]) => labelKey(key, value)),
  ];
}

const namespaceKey = (namespace: string) => `\0${namespace}`;
const labelKey = (key: string, value: string) =>
  key === namespaceLabel ? namespaceKey(value) : `${key}\0${value}`;

function conditionsOf(selector: LabelSelector | undefined): readonly (readonly string[])[] {
  if (selector === undefined) return [];
  const { matchLabels, matchExpressions } = selector;
  return [
    ...Object.entries(matchLabels).map(([key, value]) => [labelKey(key, value)]),
    ...matchExpressions
      .filter(({ operator }) => operator === "In")
      .map(({ key, values }) => values.map((value) => labelKey(key, value))),
  ];
}

/**
 * By `name` alone. Only the node knows a container's image; its form in the pod (short, by digest,
 * rewritten by a mirror) differs from its name there. So a `repo` may always match.
 */
function maySelectContainer(selector: LabelSelector, { containers }: PodTraits): boolean {
  const known: LabelSelector = {
    matchLabels: Object.fromEntries(
      Object.entries(selector.matchLabels).filter(([key]) => key === "name"),
    ),
    matchExpressions: selector.matchExpressions.filter(({ key }) => key === "name"),
  };
  return containers.some((name) => selects(known, (key) => (key === "name" ? name : undefined)));
}
