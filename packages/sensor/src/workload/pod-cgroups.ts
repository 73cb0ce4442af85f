// SPDX-License-Identifier: Apache-2.0
import type { ContainerFacts } from "./container-bundles.ts";
import type { PodDetails } from "./pod-details.ts";

/** A pod as the operator announces it. */
export type KnownPod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: the operator told none, or is older. */
  readonly details?: PodDetails;
};

/** A cgroup of a pod, or above pods. */
export type PodCgroup = {
  readonly id: bigint;
  /** UID of its pod; empty: it holds pods, or those of a class. */
  readonly pod: string;
  /** Its container; `unknown`: there may be one of which nothing is known yet. */
  readonly container: ContainerFacts | "unknown";
};

/** The pod and container of each cgroup. */
export interface PodCgroups {
  /** All that exist now. */
  inPods(): Iterable<PodCgroup>;
  /** Sets everything that is known about pods from now on. */
  tell(pods: readonly KnownPod[]): void;
  /** Finds the existing cgroups, and forgets those removed. */
  scan(): void;
  /** Called when a pod cgroup is created, or more is known about it. */
  onChanged(listener: (cgroup: PodCgroup) => void): void;
  onRemoved(listener: (id: bigint) => void): void;
}
