// SPDX-License-Identifier: Apache-2.0
import type { Pod } from "@gander/proto";
import type { ExecProbe } from "./pod-details.ts";

/** The pod and container of a process. */
export type Workload = {
  /** Full id; empty: not in a container. */
  readonly containerId: string;
  /** With all that is known about it. */
  readonly pod: Pod | undefined;
  /** Of its container; absent: none. */
  readonly execProbes?: readonly ExecProbe[];
  /** Commands that the kubelet runs in it after its start and before its end; absent: none. */
  readonly hooks?: readonly ExecProbe[];
};

export const noWorkload: Workload = { containerId: "", pod: undefined };

/** Finds a workload by the id of the cgroup, as a pair of unsigned halves. */
export type Workloads = {
  of(cgroupLow: number, cgroupHigh: number): Workload;
};
