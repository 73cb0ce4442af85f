// SPDX-License-Identifier: Apache-2.0
import type { Pod } from "@gander/proto";

/** What a process belongs to besides the machine. */
export type Workload = {
  /** Full id; empty: not in a container. */
  readonly containerId: string;
  /** With what is known of it. */
  readonly pod: Pod | undefined;
};

export const noWorkload: Workload = { containerId: "", pod: undefined };

/** Finds a workload by the id of the cgroup, as a pair of unsigned halves. */
export type Workloads = {
  of(cgroupLow: number, cgroupHigh: number): Workload;
};
