// SPDX-License-Identifier: Apache-2.0
import { type NodeState, type PolicyNode, policyCountFields } from "@gander/proto/stream";
import type { Totals } from "../sensors/policy-totals.ts";
import type { NodeException } from "../sensors/rollout-state.ts";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import type { Resolver } from "../workloads/resolver.ts";
import type { PolicyRevision } from "../workloads/workload.ts";

export type PolicyNodesDeps = {
  readonly hub: Pick<SensorHub, "session" | "rollout" | "totals">;
  readonly resolver: Pick<Resolver, "sharesOf">;
};

/** The status of a policy on each of its nodes whose sensor is connected here. */
export function* policyNodesHere(
  { hub, resolver }: PolicyNodesDeps,
  uid: string,
): Iterable<PolicyNode> {
  for (const { revision, nodes } of resolver.sharesOf(uid))
    for (const node of nodes) {
      if (hub.session(node) === undefined) continue;
      yield {
        ...stateOf(hub, node, revision),
        node,
        counts: countsOf(hub.totals.ofNode(node, uid)),
      };
    }
}

/** As decimal texts, the form used in messages. */
export function countsOf(totals: Totals): NonNullable<PolicyNode["counts"]> {
  const exceptions = [...totals.exceptions].map(([exception, hits]) => ({
    exception,
    hits: String(hits),
  }));
  return {
    ...Object.fromEntries(policyCountFields.map((field) => [field, String(totals[field])])),
    ...(exceptions.length > 0 && { exceptions }),
  };
}

export const nodeStateOf: Readonly<Record<NodeException["state"], NodeState>> = {
  POLICY_STATE_FAILED: "NODE_STATE_FAILED",
  POLICY_STATE_UNSUPPORTED: "NODE_STATE_UNSUPPORTED",
  POLICY_STATE_REFUSED: "NODE_STATE_REFUSED",
  POLICY_STATE_DEGRADED: "NODE_STATE_DEGRADED",
};

function stateOf(
  hub: PolicyNodesDeps["hub"],
  node: string,
  revision: PolicyRevision,
): Omit<PolicyNode, "node" | "counts"> {
  const answer = hub.rollout.node(node);
  if (answer?.policies.includes(revision) !== true) {
    const before = answer?.policies.find(({ uid }) => uid === revision.uid);
    return {
      state: "NODE_STATE_PENDING",
      code: "sensor-not-answered",
      message: "The node's sensor has not answered to this revision yet",
      ...(before === undefined ? {} : { running_generation: String(before.generation) }),
    };
  }
  const exception = answer.exceptions.find((one) => one.revision === revision);
  if (exception === undefined)
    return { state: "NODE_STATE_READY", running_generation: String(revision.generation) };
  const { state, code, message, runningGeneration } = exception;
  return {
    state: nodeStateOf[state],
    code,
    message,
    running_generation: String(runningGeneration),
  };
}
