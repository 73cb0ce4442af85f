// SPDX-License-Identifier: Apache-2.0
import { podLabels, selects } from "@gander/policy";
import { repoOf } from "../../workload/container-bundles.ts";
import type { PodCgroup } from "../../workload/pod-cgroups.ts";
import { type InstalledPolicy, isForAll } from "../installed-policy.ts";
import type { NodePod, NodePolicy, NodeVersion } from "./node-version.ts";

/** The policies each pod cgroup must have: UIDs, sorted, without those for all pods. */
export type Assignment = {
  of(cgroup: PodCgroup): readonly string[];
  /** The policies of pod cgroups of which nothing more is known. */
  readonly expected: readonly (readonly string[])[];
};

/**
 * Assigns the operator's policies in the versions that are in force. A version that could not replace the
 * previous one applies to no pod; the previous one applies to the pods that its own text selects.
 */
export function assignPolicies(
  { policies, pods }: NodeVersion,
  inForce: readonly InstalledPolicy[],
): Assignment {
  const wanted = new Map(policies.map((policy) => [policy.uid, policy]));
  const selective = inForce.filter(
    (policy) => policy.key.origin === "operator" && !isForAll(policy),
  );
  const perPod = new Map(
    pods.map((pod) => [
      pod.uid,
      selective
        .filter((policy) => isForPod(policy, wanted.get(policy.key.uid ?? ""), pod))
        .sort((a, b) => ((a.key.uid ?? "") < (b.key.uid ?? "") ? -1 : 1)),
    ]),
  );
  const uidsOf = (some: readonly InstalledPolicy[]) => some.map(({ key }) => key.uid ?? "");
  return {
    of: ({ pod, container }) =>
      uidsOf((perPod.get(pod) ?? []).filter((policy) => isForContainer(policy, container))),
    expected: [[], ...[...perPod.values()].map(uidsOf)],
  };
}

function isForPod(policy: InstalledPolicy, wanted: NodePolicy | undefined, pod: NodePod): boolean {
  if (wanted?.compiled.digest === policy.compiled.digest)
    return pod.policies.includes(policy.key.uid ?? "");
  const { namespace, workloads } = policy.compiled;
  const { podSelector, containerSelector, host = true } = workloads ?? {};
  if (host && podSelector === undefined && containerSelector === undefined) return false;
  return (
    (namespace === "" || namespace === pod.namespace) &&
    (podSelector === undefined || selects(podSelector, podLabels(pod)))
  );
}

/**
 * A container of which nothing is known yet may be the selected one, and a process that is in the pod but in
 * no container may be about to enter it: both have the policy until more is known.
 */
function isForContainer({ compiled }: InstalledPolicy, container: PodCgroup["container"]): boolean {
  const selector = compiled.workloads?.containerSelector;
  if (selector === undefined || container === "unknown") return true;
  const labels: Readonly<Record<string, string>> = {
    name: container.name,
    repo: repoOf(container.image),
  };
  return selects(selector, (key) => labels[key] || undefined);
}
