// SPDX-License-Identifier: Apache-2.0

import { metadata } from "./object-meta.ts";
import type { Static } from "./schema.ts";
import { any, count, list, object, oneOf, optional, required, text, time } from "./schema.ts";

const statusApiVersion = "gander.dev/v1alpha1";

/** By the rules of kstatus: the first three are good when True, the last two when False or absent. */
export const conditionTypes = [
  "Accepted",
  "Programmed",
  "Ready",
  "Reconciling",
  "Stalled",
] as const;

/** The states of a policy on a node, from best to worst; the order of `worstNodes` is the reverse. */
export const nodeStates = [
  "ready",
  "degraded",
  "pending",
  "disconnected",
  "unsupported",
  "failed",
  "refused",
] as const;

/** The maximum number of nodes that a status names. */
export const worstNodesLimit = 10;

/** The maximum number of exceptions that a status names. */
export const shownExceptionsLimit = 32;

/** The longest message of a condition or a node: longer texts must be truncated. */
export const messageLimit = 1024;

const conditionFields = {
  type: required(
    text(
      "Accepted: the spec is valid. Programmed: every node has answered to this revision. Ready: it works on every node. Reconciling: it is on its way to the nodes. Stalled: it will not work without a change.",
      { maxLength: 316, pattern: "^[A-Z][A-Za-z]*$" },
    ),
  ),
  status: required(oneOf("Whether it is so.", ["True", "False", "Unknown"])),
  reason: required(
    text("One word for why.", {
      maxLength: 1024,
      pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    }),
  ),
  message: required(text("Why, for people.", { maxLength: messageLimit })),
  lastTransitionTime: required(time("When `status` changed last.")),
};

/**
 * Of a PolicyStatus. Without observedGeneration: it would be the policy's, while `kubectl wait` compares
 * it with that of the containing object and would wait forever.
 */
const condition = object(
  "Condition",
  "One aspect of the state, as Kubernetes has conditions.",
  conditionFields,
);

const policyCondition = object(
  "PolicyCondition",
  "One aspect of the state, as Kubernetes has conditions.",
  {
    ...conditionFields,
    observedGeneration: optional(count("Generation of the policy that it is about.")),
  },
);

const conditions = { maxItems: 8, key: "type" } as const;

const mode = optional(
  oneOf(
    "What it does: enforce, monitor because its mode says so, or monitor-only because it has no enforcing action.",
    ["enforce", "monitor", "monitor-only"],
  ),
);

const nodes = optional(
  object("NodeCount", "On how many nodes it works, of those that it applies to.", {
    ready: required(count("Nodes where it is in force.")),
    total: required(count("Nodes that it applies to.")),
    readyOfTotal: required(
      text("Both as one text, `97/100`.", { maxLength: 32, pattern: "^\\d+/\\d+$" }),
    ),
  }),
);

const revision = optional(
  count("Number of the ControllerRevision that nodes have or are being sent."),
);
const hits = optional(count("Calls of its hooks by processes that it applies to, on all nodes."));
const enforced = optional(count("Calls that were denied or whose process was sent a signal."));
const lost = optional(count("Events that were lost, for whatever cause."));
const gaps = {
  unevaluated: optional(
    count(
      "Calls for which there was no memory to evaluate them: denied where the policy can deny.",
    ),
  ),
  missed: optional(count("Calls for which a kernel skipped the policy's programs.")),
  unknown: optional(count("Filters decided for the safe side, without the fact that they test.")),
};

/** From the one that does all it can to those that do nothing. */
export const exceptionStates = ["applies", "partly", "not-applicable", "expired"] as const;

const exception = object("ExceptionState", "An exception that names the policy.", {
  name: required(text("Name of the exception.", { maxLength: 253 })),
  namespace: optional(text("Its namespace; absent: for the whole cluster.", { maxLength: 63 })),
  state: required(
    oneOf(
      "applies: at each hook entry; partly: not at all of them; not-applicable: at none; expired: no longer.",
      exceptionStates,
    ),
  ),
  message: optional(text("Where it does not apply, and why.", { maxLength: messageLimit })),
  expires: optional(time("When it ends.")),
  hits: required(
    count("Calls that it excepted, on all nodes, since its policy or an exception of it changed."),
  ),
});

const exceptions = optional(
  list("The exceptions that name the policy.", exception, { maxItems: shownExceptionsLimit }),
);

/** `status` of a policy; its columns show it. */
export const tracingPolicyStatus = object(
  "TracingPolicyStatus",
  "The status of the policy. Written by the operator.",
  {
    observedGeneration: optional(
      count("Generation of the spec that the rest is about; -1: no operator has seen it.", -1),
    ),
    conditions: optional(list("The conditions of the policy.", policyCondition, conditions)),
    mode,
    revision,
    nodes,
    hits,
    enforced,
    lost,
    ...gaps,
    exceptions,
  },
);

const stateHelp: Readonly<Record<(typeof nodeStates)[number], string>> = {
  ready: "It is in force.",
  degraded: "It is in force, but weaker than it could be.",
  pending: "The node has not answered yet.",
  disconnected: "The node's sensor is not connected; it keeps what it has.",
  unsupported: "The node's kernel cannot do it.",
  failed: "It could not be loaded; it is tried again.",
  refused: "The node's sensor does not know a part of it.",
};

const stateCounts = object(
  "StateCounts",
  "Nodes by state; states with no nodes may be left out.",
  Object.fromEntries(nodeStates.map((state) => [state, optional(count(stateHelp[state]))])) as {
    readonly [State in (typeof nodeStates)[number]]: ReturnType<typeof optional<number>>;
  },
);

const worstNode = object("NodeProblem", "A node where the policy does not do all that it says.", {
  name: required(text("Name of the node.", { maxLength: 253 })),
  state: required(oneOf("Its state.", nodeStates)),
  reason: required(text("Code of the error, as in the reference of errors.", { maxLength: 128 })),
  message: required(text("What went wrong there.", { maxLength: messageLimit })),
  runningRevision: optional(count("Revision that is in force there instead; 0: none.")),
});

const statusFields = {
  policyGeneration: optional(count("Generation of the policy that the rest is about.")),
  conditions: optional(list("The conditions of the policy.", condition, conditions)),
  mode,
  revision,
  nodes,
  states: optional(stateCounts),
  worstNodes: optional(
    list("The nodes that are worst off, worst first.", worstNode, { maxItems: worstNodesLimit }),
  ),
  hits,
  enforced,
  lost,
  ...gaps,
  exceptions,
};

export const policyStatusStatus = object(
  "PolicyStatusStatus",
  "The status of the policy of the same name on all nodes. Its size does not grow with their number.",
  statusFields,
);

export const policyStatusSchema = object(
  "PolicyStatus",
  "The status of a policy. Written by the operator, which recreates it if it is deleted; it is deleted with its policy.",
  {
    apiVersion: required(oneOf("Version of the interface.", [statusApiVersion])),
    kind: required(
      oneOf("Of a TracingPolicy, or of a TracingPolicyNamespaced.", [
        "PolicyStatus",
        "PolicyStatusNamespaced",
      ]),
    ),
    metadata: required(metadata),
    status: optional(policyStatusStatus),
  },
);

/** A policy from the API server, of which only the status is read. */
export const policyWithStatusSchema = object("PolicyWithStatus", "A policy with its status.", {
  apiVersion: required(any("As in the policy.")),
  kind: required(any("As in the policy.")),
  metadata: required(metadata),
  spec: optional(any("As in the policy.")),
  status: optional(tracingPolicyStatus),
});

export type Condition = Static<typeof condition>;
export type PolicyCondition = Static<typeof policyCondition>;
export type ConditionType = (typeof conditionTypes)[number];
export type NodeState = (typeof nodeStates)[number];
export type ExceptionState = Static<typeof exception>;
export type NodeProblem = Static<typeof worstNode>;
export type TracingPolicyStatus = Static<typeof tracingPolicyStatus>;
export type PolicyStatusStatus = Static<typeof policyStatusStatus>;
export type PolicyStatus = Static<typeof policyStatusSchema>;
