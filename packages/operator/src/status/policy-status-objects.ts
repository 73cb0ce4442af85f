// SPDX-License-Identifier: Apache-2.0
import type {
  Condition,
  NodeProblem,
  PolicyCondition,
  PolicyStatusStatus,
  TracingPolicyStatus,
} from "@gander/crd-schemas";
import { conditionTypes, messageLimit, nodeStates } from "@gander/crd-schemas";
import type { PolicyRollout } from "../policies/policy-rollouts.ts";
import { noTotals } from "../sensors/policy-totals.ts";
import { exceptionStates } from "./exception-states.ts";
import type { FleetNode, FleetPolicy } from "./fleet-view.ts";
import { nodesState, policyVerdicts, type Verdicts } from "./policy-state.ts";
import { cutText } from "./status-text.ts";

/** A policy's status objects: its own status, and the PolicyStatus of its name. */
export type PolicyStatuses = {
  readonly policy: TracingPolicyStatus;
  readonly rollUp: PolicyStatusStatus;
};

type StatusInput = {
  readonly rollout: PolicyRollout;
  readonly fleet: FleetPolicy | undefined;
  /** Conditions currently shown: an unchanged one keeps its transition time. */
  readonly shown: readonly Condition[];
  readonly now: Date;
};

export function policyStatuses({ rollout, fleet, shown, now }: StatusInput): PolicyStatuses {
  const { generation } = rollout.policy;
  const conditions = conditionsOf(policyVerdicts(rollout, fleet), shown, now);
  const { revision, total, ready, states, worst } = nodesState(fleet);
  const { hits, enforced, lost, exceptions, ...gaps } = fleet?.totals ?? noTotals;
  const common = {
    ...(rollout.mode && { mode: rollout.mode }),
    ...(revision > 0 && { revision }),
    nodes: { ready, total, readyOfTotal: `${ready}/${total}` },
    hits,
    enforced,
    lost,
    ...(gaps.unevaluated > 0 && { unevaluated: gaps.unevaluated }),
    ...(gaps.missed > 0 && { missed: gaps.missed }),
    ...(gaps.unknown > 0 && { unknown: gaps.unknown }),
    ...(rollout.exceptions.length > 0 && {
      exceptions: exceptionStates(rollout.exceptions, exceptions, now),
    }),
  };
  const ownGeneration = (one: Condition): PolicyCondition => ({
    ...one,
    observedGeneration: generation,
  });
  return {
    policy: {
      observedGeneration: generation,
      conditions: conditions.map(ownGeneration),
      ...common,
    },
    rollUp: {
      policyGeneration: generation,
      conditions,
      ...common,
      states: Object.fromEntries(
        nodeStates.flatMap((state) => (states[state] > 0 ? [[state, states[state]]] : [])),
      ),
      worstNodes: worst.map(nodeProblem),
    },
  };
}

function conditionsOf(
  verdicts: Verdicts,
  shown: readonly Condition[],
  now: Date,
): readonly Condition[] {
  return conditionTypes.map((type) => {
    const { status, reason, message } = verdicts[type];
    const before = shown.find((one) => one.type === type);
    const isSame = before?.status === status;
    return {
      type,
      status,
      reason,
      message: cutText(message, messageLimit),
      lastTransitionTime: isSame ? before.lastTransitionTime : timeText(now),
    };
  });
}

/** The Kubernetes time format: without fractions of a second. */
const timeText = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");

const nodeProblem = ({
  name,
  state,
  code,
  message,
  runningGeneration,
}: FleetNode): NodeProblem => ({
  name: cutText(name, 253),
  state,
  reason: cutText(code, 128),
  message: cutText(message, messageLimit),
  ...(runningGeneration === undefined ? {} : { runningRevision: runningGeneration }),
});
