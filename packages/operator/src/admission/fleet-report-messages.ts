// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "@gander/base";
import { type FleetFinding, mergeFindings } from "@gander/policy/fleet";
import type { FleetReport as FleetReportMessage } from "@gander/proto/stream";
import type { FleetReport } from "./fleet-report.ts";

/** More than any client is shown; the last findings matter least. */
const maxFindings = 200;
const maxKernels = 64;

/** The message for another replica, without the question's number. */
export function reportToMessage({ nodes, unknown, findings }: FleetReport): FleetReportMessage {
  return {
    nodes,
    unknown,
    findings: findings.slice(0, maxFindings).map((finding) => {
      const { severity, path, code, message, hint, kernels } = finding;
      return { severity, path, code, message, hint, kernels: kernels.slice(0, maxKernels) };
    }),
  };
}

export function reportOfMessage({
  nodes = 0,
  unknown = 0,
  findings = [],
}: FleetReportMessage): FleetReport {
  return {
    nodes,
    unknown,
    findings: findings.map(({ kernels = [], ...finding }): FleetFinding => {
      const found = kernels.map((one) => ({ release: one.release ?? "", nodes: one.nodes ?? 0 }));
      return {
        severity: severities.find((one) => one === finding.severity) ?? "note",
        path: finding.path ?? "",
        // A newer version may send a code that is not listed here; it is only displayed.
        code: (finding.code ?? "kernel-unsupported") as ErrorCode,
        message: finding.message ?? "",
        hint: finding.hint ?? "",
        kernels: found,
        nodes: found.reduce((sum, one) => sum + one.nodes, 0),
      };
    }),
  };
}

const severities = ["error", "warning", "note"] as const;

/** Merges the reports of replicas, which have no node in common. */
export function mergeReports(reports: readonly FleetReport[]): FleetReport {
  const sum = (of: (report: FleetReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const all = reports.flatMap(({ findings }) => findings);
  return {
    findings: mergeFindings(
      all.flatMap((finding) =>
        finding.kernels.map(({ release, nodes }) => ({ release, nodes, findings: [finding] })),
      ),
    ),
    nodes: sum(({ nodes }) => nodes),
    unknown: sum(({ unknown }) => unknown),
  };
}
