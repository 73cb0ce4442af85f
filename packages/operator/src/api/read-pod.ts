// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, Selection } from "@gander/kube";
import { labelsKey, type Pod } from "../workloads/workload.ts";
import type { Intern } from "./intern.ts";

/** As the API server sends it, as far as it is read. */
export type RawPod = KubeObject & {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly initContainers?: readonly Container[];
    readonly containers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
  };
  readonly status?: { readonly phase?: string };
};

type Container = { readonly name: string };

/** A pod of the API: `uid` is the object's, `pod` is what nodes are told of it. */
export type WatchedPod = { readonly uid: string; readonly pod: Pod };

/** Pods that some node runs, or is about to. Others aren't even sent. */
export const runningPods: Selection = {
  fieldSelector: "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed",
};

/**
 * What matters of a pod; undefined if no node has it. Equal parts of pods become one by `intern`: there
 * are tens of thousands of pods, and few kinds of them.
 */
export function readPod(
  { metadata, spec, status }: RawPod,
  intern: Intern,
): WatchedPod | undefined {
  const { nodeName } = spec ?? {};
  if (nodeName === undefined || nodeName === "") return undefined;
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return undefined;
  const { uid, name, namespace = "", labels = {} } = metadata;
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ].map((container) => container.name);
  const pod = {
    uid: staticPodUid(metadata, nodeName) ?? uid,
    namespace: intern(namespace, () => namespace),
    name,
    node: intern(nodeName, () => nodeName),
    labels: intern(`labels ${labelsKey(labels)}`, () => labels),
    containers: intern(`containers ${containers.join()}`, () => containers),
  };
  return { uid, pod };
}

/** Cheap where parts are interned, and right where they aren't. */
export function isSamePod(a: WatchedPod, b: WatchedPod): boolean {
  const [one, other] = [a.pod, b.pod];
  return (
    one.uid === other.uid &&
    one.name === other.name &&
    one.namespace === other.namespace &&
    one.node === other.node &&
    (one.labels === other.labels || labelsKey(one.labels) === labelsKey(other.labels)) &&
    (one.containers === other.containers || one.containers.join() === other.containers.join())
  );
}

/**
 * A static pod is in the API as a mirror with a UID of its own; its cgroup is named by the UID that the
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
