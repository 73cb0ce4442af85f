// SPDX-License-Identifier: Apache-2.0
import type { Bundle, KeptPod, PodPolicies } from "../workloads/resolver.ts";
import { samePod } from "../workloads/resolver.ts";
import {
  type Labels,
  labelsKey,
  type PolicyRevision,
  sameRevision,
} from "../workloads/workload.ts";

export type BundleDelta = {
  readonly putPolicies: readonly PolicyRevision[];
  /** UIDs */
  readonly removePolicies: readonly string[];
  readonly putPods: readonly (readonly [KeptPod, PodPolicies])[];
  /** UIDs */
  readonly removePods: readonly string[];
  /** Undefined: unchanged. */
  readonly nodeLabels: Labels | undefined;
};

const nothing: Bundle = { policies: [], pods: new Map(), nodeLabels: {} };

/** The changes from `before` to `after`; all of `after` if `before` is absent. */
export function bundleDelta(before: Bundle = nothing, after: Bundle): BundleDelta {
  const policies = new Map(before.policies.map((revision) => [revision.uid, revision]));
  const putPolicies = after.policies.filter((revision) => {
    const old = policies.get(revision.uid);
    policies.delete(revision.uid);
    return old === undefined || !sameRevision(old, revision);
  });
  return {
    putPolicies,
    removePolicies: [...policies.keys()],
    ...podsDelta(before, after),
    nodeLabels: labelsDelta(before.nodeLabels, after.nodeLabels),
  };
}

export function isEmptyDelta({ nodeLabels, ...lists }: BundleDelta): boolean {
  return nodeLabels === undefined && Object.values(lists).every((list) => list.length === 0);
}

function labelsDelta(before: Labels, after: Labels): Labels | undefined {
  return before === after || labelsKey(before) === labelsKey(after) ? undefined : after;
}

function podsDelta(before: Bundle, after: Bundle): Pick<BundleDelta, "putPods" | "removePods"> {
  if (before.pods === after.pods) return { putPods: [], removePods: [] };
  // Nearly all pods are the same objects: only the others are compared in detail.
  const gone = new Map<string, KeptPod>();
  for (const pod of before.pods.keys()) if (!after.pods.has(pod)) gone.set(pod.uid, pod);
  const putPods: (readonly [KeptPod, PodPolicies])[] = [];
  for (const [pod, set] of after.pods) {
    const old = before.pods.has(pod) ? pod : gone.get(pod.uid);
    gone.delete(pod.uid);
    const oldSet = old && before.pods.get(old);
    const isSame =
      old !== undefined &&
      samePod(old, pod) &&
      (oldSet === set || (oldSet !== undefined && oldSet.key === set.key));
    if (!isSame) putPods.push([pod, set]);
  }
  return { putPods, removePods: [...gone.keys()] };
}
