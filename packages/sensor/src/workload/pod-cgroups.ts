// SPDX-License-Identifier: Apache-2.0
import type { ContainerFacts } from "./container-bundles.ts";

/** What the operator tells of a pod. */
export type KnownPod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** A cgroup where pods are. */
export type PodCgroup = {
  readonly id: bigint;
  /** UID of the pod that it belongs to; empty: it holds pods, or those of a class. */
  readonly pod: string;
  /** Its container; `unknown`: there may be one, and nothing is known of it yet. */
  readonly container: ContainerFacts | "unknown";
};

/** Which cgroup belongs to which pod and container. */
export interface PodCgroups {
  /** All that there are now. */
  inPods(): Iterable<PodCgroup>;
  /** All that is known of pods, from now on. */
  tell(pods: readonly KnownPod[]): void;
  /** Learns what exists now, and forgets what doesn't. */
  scan(): void;
  /** Calls back when a cgroup has come where pods are, or more is known of it. */
  onChanged(listener: (cgroup: PodCgroup) => void): void;
  onRemoved(listener: (id: bigint) => void): void;
}
