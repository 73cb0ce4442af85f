// SPDX-License-Identifier: Apache-2.0
import type { OperatorConnection } from "@gander/proto";
import { quote } from "./events/quote.ts";

/** How it stands between a sensor and the operator of its cluster, as `gander status` has it. */
export type OperatorReport = {
  readonly address: string;
  readonly connected: boolean;
  /** Of the replica, while connected. */
  readonly peer: string;
  /** RFC 3339: since when it is connected, or isn't. */
  readonly since: string;
  readonly lastError: string;
  /** Of the version that is in force; 0: none. */
  readonly epoch: number;
  /** Where that came from: operator or disk. */
  readonly source: string;
  readonly policies: number;
  /** Of the policies, those that are not or not wholly in force. */
  readonly exceptions: number;
  readonly pods: number;
  /** Why a restart would lose what is in force; empty: it would not. */
  readonly storeProblem: string;
};

export function operatorReport(connection: OperatorConnection): OperatorReport {
  return {
    address: connection.address ?? "",
    connected: connection.connected ?? false,
    peer: connection.peer ?? "",
    since: new Date(Number(connection.since?.seconds ?? 0) * 1000).toISOString(),
    lastError: connection.last_error ?? "",
    epoch: Number(connection.epoch ?? 0),
    source: connection.source ?? "",
    policies: connection.policies ?? 0,
    exceptions: connection.exceptions ?? 0,
    pods: connection.pods ?? 0,
    storeProblem: connection.store_problem ?? "",
  };
}

/** For people, in lines. */
export function describeOperator(report: OperatorReport): readonly string[] {
  const { address, connected, peer, since, lastError, storeProblem } = report;
  const where = connected
    ? `connected to ${quote(peer)} (${quote(address)}) since ${since}`
    : `not connected to ${quote(address)} since ${since}${lastError === "" ? "" : `: ${quote(lastError)}`}`;
  return [
    `operator: ${where}`,
    `from the cluster: ${inForce(report)}`,
    ...(storeProblem === ""
      ? []
      : [`from the cluster: not on disk, a restart would not find it: ${quote(storeProblem)}`]),
  ];
}

function inForce({ epoch, source, policies, exceptions, pods }: OperatorReport): string {
  if (epoch === 0) return "nothing yet";
  const troubled = exceptions === 0 ? "" : `, ${exceptions} not or not wholly in force`;
  const from = source === "disk" ? ", as it was stored before this start" : "";
  return `${policies} policies${troubled}, ${pods} pods, version ${epoch}${from}`;
}
