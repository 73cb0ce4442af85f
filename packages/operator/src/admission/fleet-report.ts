// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { FleetFinding } from "@gander/policy/fleet";

/** What the kernels of a policy's nodes report about the policy. */
export type FleetReport = {
  readonly findings: readonly FleetFinding[];
  /** Nodes that the policy applies to: of one replica, those whose sensor is connected. */
  readonly nodes: number;
  /** Of these, those whose kernel is unknown or was not checked in time. */
  readonly unknown: number;
};

/** If `signal` aborts, the report covers the kernels checked so far. */
export type CheckFleet = (
  policy: CompiledPolicy,
  options: { readonly signal: AbortSignal },
) => Promise<FleetReport>;

/** Of these nodes some are known to no replica: their sensors are not connected. */
export function withUnconnected(report: FleetReport, nodes: number): FleetReport {
  const missing = nodes - report.nodes;
  // Where no sensor is connected, nothing was checked, and a warning about each policy would say no more.
  if (missing <= 0 || report.nodes === 0) return report;
  return { ...report, nodes, unknown: report.unknown + missing };
}
