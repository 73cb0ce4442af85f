// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { FleetFinding } from "@gander/policy/fleet";

/** What the kernels of the nodes that a policy is for have to say to it. */
export type FleetReport = {
  readonly findings: readonly FleetFinding[];
  /** Those that the policy is for and whose sensor is connected. */
  readonly nodes: number;
  /** Those of them whose kernel isn't known, or wasn't reached in the time there is. */
  readonly unknown: number;
};

/** When `signal` aborts, the report is of as many kernels as were reached. */
export type CheckFleet = (
  policy: CompiledPolicy,
  options: { readonly signal: AbortSignal },
) => Promise<FleetReport>;
