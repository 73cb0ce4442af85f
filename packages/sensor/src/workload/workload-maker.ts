// SPDX-License-Identifier: Apache-2.0
import type { Container, Pod } from "@gander/proto";
import type { ContainerBundles, ContainerFacts } from "./container-bundles.ts";
import type { KnownPod } from "./pod-cgroups.ts";
import type { ContainerDetails, PodDetails } from "./pod-details.ts";
import { noWorkload, type Workload } from "./workload.ts";

type WorkloadParts = {
  /** Empty: none. */
  readonly containerId: string;
  /** The name of the cgroup. */
  readonly name: string;
  /** UID of the pod; empty: none. */
  readonly uid: string;
  /** Only if the operator has announced it. */
  readonly pod: KnownPod | undefined;
};

export type WorkloadMaker = {
  /** The same parts and facts give the same object. */
  workload(parts: WorkloadParts): Workload;
  /** The known facts of a container; looked up again until found. */
  facts(containerId: string): ContainerFacts | undefined;
  /** The container has gone, and events of its processes no longer arrive. `uid` as in its parts. */
  forget(containerId: string, uid: string): void;
};

/** The most containers remembered, many more than a node runs at a time. */
const maxContainers = 4096;

export function createWorkloadMaker(bundles: ContainerBundles): WorkloadMaker {
  const known = new Map<string, ContainerFacts>();
  const made = new Map<string, { readonly parts: unknown[]; readonly workload: Workload }>();

  const facts = (id: string): ContainerFacts | undefined => {
    const found = known.get(id) ?? bundles(id);
    if (found !== undefined) remember(known, id, found);
    return found;
  };

  return {
    facts,
    forget(containerId, uid) {
      known.delete(containerId);
      made.delete(`${uid}/${containerId}`);
    },
    workload({ containerId, name, uid, pod }) {
      if (containerId === "" && uid === "") return noWorkload;
      const container = containerId === "" || uid === "" ? undefined : facts(containerId);
      const key = `${uid}/${containerId}`;
      const parts = [pod, container];
      const before = made.get(key);
      if (before !== undefined && parts.every((part, i) => part === before.parts[i]))
        return before.workload;
      const details = containerDetails(pod, container);
      const shown = container && withImageId(container, details?.imageId ?? "");
      const workload: Workload = {
        containerId,
        pod: uid === "" ? undefined : podMessage({ containerId, name, uid, pod }, shown),
        ...(details && details.execProbes.length > 0 && { execProbes: details.execProbes }),
        ...(details?.hooks && { hooks: details.hooks }),
      };
      remember(made, key, { parts, workload });
      return workload;
    },
  };
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= maxContainers) return;
    map.delete(oldest);
  }
}

function podMessage(
  { containerId, name, uid, pod }: WorkloadParts,
  facts: ContainerFacts | undefined,
): NonNullable<Workload["pod"]> {
  const namespace = pod?.namespace ?? facts?.podNamespace ?? "";
  const podName = pod?.name ?? facts?.podName ?? "";
  const labels = pod?.labels ?? {};
  return {
    ...(namespace !== "" && { namespace }),
    ...(podName !== "" && { name: podName }),
    uid,
    ...(containerId !== "" && { container: containerMessage(containerId, name, facts) }),
    ...(Object.keys(labels).length > 0 && { pod_labels: labels }),
    ...(pod?.details && detailsMessage(pod.details, podName)),
  };
}

/** What the operator tells of a container; undefined: nothing. */
function containerDetails(
  pod: KnownPod | undefined,
  facts: ContainerFacts | undefined,
): ContainerDetails | undefined {
  if (facts === undefined || facts.name === "") return undefined;
  return pod?.details?.containers?.find(({ name }) => name === facts.name);
}

/** Kubernetes' own, if known: it has the repository too. */
function withImageId(facts: ContainerFacts, imageId: string): ContainerFacts {
  return imageId === "" ? facts : { ...facts, imageId };
}

function detailsMessage({ workload, workloadKind, annotations }: PodDetails, podName: string): Pod {
  return {
    ...(workloadKind !== "" && {
      workload: workload === "" ? podName : workload,
      workload_kind: workloadKind,
    }),
    ...(annotations && { pod_annotations: annotations }),
  };
}

function containerMessage(id: string, name: string, facts: ContainerFacts | undefined): Container {
  const runtime = facts?.runtime ?? runtimeOf(name);
  return {
    id: runtime === "" ? id : `${runtime}://${id}`,
    ...(facts !== undefined && facts.name !== "" && factsMessage(facts)),
  };
}

/** Of a container that is not the pod's sandbox. */
function factsMessage({
  name,
  image,
  imageId,
  startedMs,
  isPrivileged,
}: ContainerFacts): Container {
  return {
    name,
    ...((image !== "" || imageId !== "") && {
      image: { ...(imageId !== "" && { id: imageId }), ...(image !== "" && { name: image }) },
    }),
    start_time: timestamp(startedMs),
    ...(isPrivileged && { security_context: { privileged: true } }),
  };
}

function timestamp(ms: number): NonNullable<Container["start_time"]> {
  const nanos = (ms % 1000) * 1_000_000;
  return { seconds: String(Math.floor(ms / 1000)), ...(nanos !== 0 && { nanos }) };
}

/** By the prefix of its systemd scope. */
function runtimeOf(name: string): string {
  if (name.startsWith("cri-containerd-")) return "containerd";
  if (name.startsWith("crio-")) return "cri-o";
  return name.startsWith("docker-") ? "docker" : "";
}
