// SPDX-License-Identifier: Apache-2.0
import type { Selection } from "@gander/kube";
import { labelsKey, type Pod } from "../workloads/workload.ts";
import type { Intern } from "./intern.ts";
import { containersOf, type RawPod } from "./raw-pod.ts";
import { noneWanted, readPodDetails, type WantedDetails } from "./read-pod-details.ts";

/** A pod of the API: `uid` is the object's, `pod` is what nodes receive. */
export type WatchedPod = { readonly uid: string; readonly pod: Pod };

/** Pods that are running or assigned to a node. The API server does not send others. */
export const runningPods: Selection = {
  fieldSelector: "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed",
};

/**
 * The relevant fields of a pod; undefined if it has no node. Equal parts of pods are shared by `intern`:
 * there are tens of thousands of pods, but few kinds.
 */
export function readPod(
  raw: RawPod,
  intern: Intern,
  wanted: WantedDetails = noneWanted,
): WatchedPod | undefined {
  const { metadata, spec, status } = raw;
  const { nodeName } = spec ?? {};
  if (nodeName === undefined || nodeName === "") return undefined;
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return undefined;
  const { uid, name, namespace = "", labels = {} } = metadata;
  const containers = containersOf(spec).map((container) => container.name);
  const pod = {
    uid: staticPodUid(metadata, nodeName) ?? uid,
    namespace: intern(namespace, () => namespace),
    name,
    node: intern(nodeName, () => nodeName),
    labels: intern(`labels ${labelsKey(labels)}`, () => labels),
    containers: intern(`containers ${containers.join()}`, () => containers),
    details: readPodDetails(raw, intern, wanted),
  };
  return { uid, pod };
}

/** Cheap if parts are interned, correct if they are not. */
export function isSamePod(a: WatchedPod, b: WatchedPod): boolean {
  const [one, other] = [a.pod, b.pod];
  return (
    one.uid === other.uid &&
    one.name === other.name &&
    one.namespace === other.namespace &&
    one.node === other.node &&
    one.details.digest === other.details.digest &&
    (one.labels === other.labels || labelsKey(one.labels) === labelsKey(other.labels)) &&
    (one.containers === other.containers || one.containers.join() === other.containers.join())
  );
}

/**
 * A static pod appears in the API as a mirror with its own UID; its cgroup is named by the UID that the
 * kubelet gave it, the hash in this annotation (kubernetes: pkg/kubelet/types, ConfigMirrorAnnotationKey).
 */
function staticPodUid(
  { annotations, ownerReferences }: RawPod["metadata"],
  node: string,
): string | undefined {
  const uid = annotations?.["kubernetes.io/config.mirror"];
  const isNodes = ownerReferences?.some((owner) => owner.kind === "Node" && owner.name === node);
  return uid !== undefined && isNodes === true && /^[0-9a-f]{32}$/.test(uid) ? uid : undefined;
}
