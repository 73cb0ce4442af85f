// SPDX-License-Identifier: Apache-2.0

/** What the operator knows of a pod and only events show; kept on disk with the pod. */
export type PodDetails = {
  /** What the pod is a part of; empty: itself. */
  readonly workload: string;
  /** Such as Deployment; empty: unknown. */
  readonly workloadKind: string;
  /** Those asked for; absent: none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Only those with something to show; absent: none. */
  readonly containers?: readonly ContainerDetails[];
};

export type ContainerDetails = {
  readonly name: string;
  readonly execProbes: readonly ExecProbe[];
  /** Of its lifecycle: after the start and before the end; absent: none. */
  readonly hooks?: readonly ExecProbe[];
  /** Names the content of its image; empty: unknown. */
  readonly imageId: string;
};

/** The command by which the kubelet checks a container, or which it runs for a hook: the program, then its arguments. */
export type ExecProbe = readonly string[];
