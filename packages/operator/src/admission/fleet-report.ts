// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { FleetFinding } from "@gander/policy/fleet";

/** What the kernels of a policy's nodes report about the policy. */
export type FleetReport = {
  readonly findings: readonly FleetFinding[];
  /** Nodes that the policy applies to and whose sensor is connected. */
  readonly nodes: number;
  /** Of these, those whose kernel is unknown or was not checked in time. */
  readonly unknown: number;
};

/** If `signal` aborts, the report covers the kernels checked so far. */
export type CheckFleet = (
  policy: CompiledPolicy,
  options: { readonly signal: AbortSignal },
) => Promise<FleetReport>;
