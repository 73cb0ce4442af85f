// SPDX-License-Identifier: Apache-2.0

/** What the operator knows of a pod and only events show; kept on disk with the pod. */
export type PodDetails = {
  /** What the pod is a part of; empty: itself. */
  readonly workload: string;
  /** Such as Deployment; empty: unknown. */
  readonly workloadKind: string;
};
