// SPDX-License-Identifier: Apache-2.0
import type { OperatorConnection } from "@gander/proto";
import type { OperatorStatus } from "./operator-status.ts";

/** As in the sensor's interface. */
export function operatorConnection(status: OperatorStatus): OperatorConnection {
  const seconds = Math.floor(status.since / 1000);
  return {
    address: status.address,
    connected: status.connected,
    peer: status.peer,
    since: { seconds: String(seconds), nanos: (status.since - seconds * 1000) * 1_000_000 },
    last_error: status.lastError,
    epoch: String(status.epoch),
    source: status.source,
    policies: status.policies,
    exceptions: status.exceptions,
    pods: status.pods,
    store_problem: status.storeProblem,
  };
}
