// SPDX-License-Identifier: Apache-2.0
import type { Ack, PolicyException } from "@gander/proto/stream";
import { streamLimits } from "@gander/proto/stream";
import type { Bundle } from "../workloads/resolver.ts";
import type { PolicyRevision } from "../workloads/workload.ts";
import type { NodeException } from "./rollout-state.ts";

/** At most one per policy of the bundle, texts truncated: the bundle bounds the memory that an Ack takes. */
export function exceptionsOf(
  { exceptions = [] }: Ack,
  { policies }: Bundle,
): readonly NodeException[] {
  if (exceptions.length === 0) return [];
  const revisions = new Map(policies.map((revision) => [revision.uid, revision]));
  const result: NodeException[] = [];
  for (const exception of exceptions) {
    const revision = revisions.get(exception.uid ?? "");
    if (revision === undefined) continue;
    revisions.delete(revision.uid);
    result.push(exceptionOf(exception, revision));
  }
  return result;
}

/** The same exceptions, of the bundle's own revisions. */
export function exceptionsIn(
  { policies }: Bundle,
  exceptions: readonly NodeException[],
): readonly NodeException[] {
  if (exceptions.length === 0) return exceptions;
  const revisions = new Map(policies.map((revision) => [revision.uid, revision]));
  return exceptions.flatMap((exception) => {
    const revision = revisions.get(exception.revision.uid);
    return revision === undefined ? [] : [{ ...exception, revision }];
  });
}

const states: ReadonlySet<unknown> = new Set<NodeException["state"]>([
  "POLICY_STATE_FAILED",
  "POLICY_STATE_UNSUPPORTED",
  "POLICY_STATE_REFUSED",
  "POLICY_STATE_DEGRADED",
]);

function exceptionOf(
  { state, code = "", message = "", running_generation = "0" }: PolicyException,
  revision: PolicyRevision,
): NodeException {
  return {
    revision,
    // A state of a newer protocol: assume the worst.
    state: states.has(state) ? (state as NodeException["state"]) : "POLICY_STATE_FAILED",
    code: code.slice(0, 64),
    message: cut(message, streamLimits.reasonBytes),
    runningGeneration: Math.min(Number(running_generation), Number.MAX_SAFE_INTEGER),
  };
}

/** The longest prefix of whole characters in `bytes` bytes of UTF-8, without references to the message. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  return new TextDecoder().decode(encoded.subarray(0, bytes), { stream: true });
}
