// SPDX-License-Identifier: Apache-2.0
import { podLabels, selects, type WorkloadSelector } from "@gander/policy";
import type { Belonging } from "../../link/workloads.ts";
import { repoOf } from "../../workload/container-bundles.ts";
import type { PodCgroup } from "../../workload/pod-cgroups.ts";
import { entriesOf, entryOf, type GroupContent, workloadsOf } from "../group-content.ts";
import { type InstalledPolicy, isForAll } from "../installed-policy.ts";
import type { NodePod, NodePolicy, NodeVersion } from "./node-version.ts";

type Container = PodCgroup["container"];

/** What each pod cgroup must have, without the policies for all pods. */
export type Assignment = {
  of(cgroup: PodCgroup): GroupContent;
  /** The same for the cgroups of pods of which nothing more is known. */
  readonly expected: readonly GroupContent[];
  /** UIDs of the policies that are not in force as written in a cgroup with this content. */
  lackedBy(cgroup: PodCgroup, content: GroupContent): readonly string[];
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
  const operators = inForce.filter(({ key }) => key.origin === "operator");
  const perPod = new Map(
    pods.map((pod) => {
      const own = operators.filter(
        (policy) => isForAll(policy) || isForPod(policy, wanted.get(uidOf(policy)), pod),
      );
      return [pod.uid, { pod, own }];
    }),
  );
  const contentOf = (uid: string, container: Container): GroupContent => {
    const found = perPod.get(uid);
    if (found === undefined) return [];
    const applying = found.own.filter((policy) => isForContainer(policy, container));
    const entries = applying.flatMap((policy) => [
      ...(isForAll(policy) ? [] : [uidOf(policy)]),
      ...workloadsOf(policy.compiled).flatMap(
        (one) => entryOf(one, belonging(one, found.pod, container)) ?? [],
      ),
    ]);
    return [...new Set(entries)].sort();
  };
  return {
    of: ({ pod, container }) => contentOf(pod, container),
    expected: [[], ...pods.map(({ uid }) => contentOf(uid, "unknown"))],
    lackedBy({ pod, container }, content) {
      const right = contentOf(pod, container);
      const isDifferent = (entry: string) => right.includes(entry) !== content.includes(entry);
      return operators
        .filter((policy) => isForAll(policy) || right.includes(uidOf(policy)))
        .filter((policy) => [uidOf(policy), ...entriesOf(policy.compiled)].some(isDifferent))
        .map(uidOf);
    },
  };
}

const uidOf = ({ key }: InstalledPolicy) => key.uid ?? "";

function isForPod(policy: InstalledPolicy, wanted: NodePolicy | undefined, pod: NodePod): boolean {
  if (wanted?.compiled.digest === policy.compiled.digest)
    return pod.policies.includes(uidOf(policy));
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
function isForContainer({ compiled }: InstalledPolicy, container: Container): boolean {
  const selector = compiled.workloads?.containerSelector;
  return selector === undefined || container === "unknown" || isSelected(container, selector);
}

/** Whether a pod's cgroup belongs to the workloads of a selector. */
function belonging(
  { podSelector, containerSelector }: WorkloadSelector,
  pod: NodePod,
  container: Container,
): Belonging {
  const isHostAlone = podSelector === undefined && containerSelector === undefined;
  if (isHostAlone || (podSelector !== undefined && !selects(podSelector, podLabels(pod))))
    return "outside";
  if (containerSelector === undefined) return "within";
  if (container === "unknown") return "unsure";
  return isSelected(container, containerSelector) ? "within" : "outside";
}

function isSelected(
  { name, image }: Exclude<Container, "unknown">,
  selector: NonNullable<WorkloadSelector["containerSelector"]>,
): boolean {
  const labels: Readonly<Record<string, string>> = { name, repo: repoOf(image) };
  return selects(selector, (key) => labels[key] || undefined);
}
