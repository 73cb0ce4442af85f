// SPDX-License-Identifier: Apache-2.0
import type { NodeState } from "@gander/crd-schemas";
import { nodeStates, worstNodesLimit } from "@gander/crd-schemas";
import { addTotals, noTotals, type Totals } from "../sensors/policy-totals.ts";
import type { NodeException, Rollout } from "../sensors/rollout-state.ts";
import type { RevisionNodes } from "../workloads/resolver.ts";
import type { PolicyRevision } from "../workloads/workload.ts";

/** What is known from some of the sensors: those that are connected to one replica. */
export type FleetSource = {
  /** Whether the node's sensor said Hello there and hasn't gone since. */
  has(node: string): boolean;
  answers(revision: PolicyRevision): Rollout;
  /** At most ten of `nodes` that are connected there and haven't answered for the revision. */
  waiting(revision: PolicyRevision, nodes: ReadonlySet<string>): readonly string[];
  totals(uid: string): Totals;
  /** A policy's answers changed, or, without a UID, sensors came or went. It must not throw, nor wait. */
  onChange(listener: (uid?: string) => void): Disposable;
};

export type FleetNode = {
  readonly name: string;
  readonly state: Exclude<NodeState, "ready">;
  /** From the list of error codes. */
  readonly code: string;
  readonly message: string;
  /** What goes on in its place; 0: nothing. Undefined: that isn't known. */
  readonly runningGeneration: number | undefined;
};

/** One revision on the nodes that have been sent it. */
export type FleetRevision = {
  readonly generation: number;
  readonly digest: string;
  /** Nodes that are given it, connected or not. */
  readonly nodes: number;
  /** Of these, connected ones that answered for it, whatever they said. */
  readonly answered: number;
  /** Of these, where it is in force; those that are degraded are. */
  readonly ready: number;
  /** Sum up to `nodes`; `ready` without those that are degraded. */
  readonly states: Readonly<Record<NodeState, number>>;
};

/** A policy on all nodes that it is for. */
export type FleetPolicy = Omit<FleetRevision, "generation" | "digest"> & {
  readonly uid: string;
  /** Of the newest revision that nodes are given. */
  readonly generation: number;
  /** Newest first; more than one while nodes have different ones. */
  readonly revisions: readonly FleetRevision[];
  /** At most ten, worst first; none that is ready. */
  readonly worst: readonly FleetNode[];
  readonly totals: Totals;
};

export type FleetView = {
  /** Undefined: no node is given any revision of it, nor would be if there were nodes. */
  of(uid: string): FleetPolicy | undefined;
  /** The policy may fare otherwise than before. Called often: gather. It must not throw, nor wait. */
  onChange(listener: (uid: string) => void): Disposable;
};

export type FleetViewDeps = {
  readonly resolver: { sharesOf(uid: string): readonly RevisionNodes[] };
  /** This replica, and others as they come and go; asked each time. */
  readonly sources: () => Iterable<FleetSource>;
};

/** Worst first. */
const worstStates: readonly NodeState[] = [...nodeStates].reverse();

/** How a policy fares now: which nodes it is for from the resolver, what they say from all sources. */
export function policyOnFleet(
  { resolver, sources }: FleetViewDeps,
  uid: string,
): FleetPolicy | undefined {
  const shares = resolver.sharesOf(uid);
  const [newest] = shares;
  if (newest === undefined) return undefined;
  const all = [...sources()];
  const parts = shares.map((share) => revisionOnFleet(share, all));
  const sum = (of: (part: FleetRevision) => number) =>
    parts.reduce((total, { revision }) => total + of(revision), 0);
  return {
    uid,
    generation: newest.revision.generation,
    nodes: sum(({ nodes }) => nodes),
    answered: sum(({ answered }) => answered),
    ready: sum(({ ready }) => ready),
    states: statesOf((state) => sum(({ states }) => states[state])),
    revisions: parts.map(({ revision }) => revision),
    worst: worstOf(parts.flatMap(({ worst }) => worst)),
    totals: all.map((source) => source.totals(uid)).reduce(addTotals, noTotals),
  };
}

type RevisionPart = { readonly revision: FleetRevision; readonly worst: readonly FleetNode[] };

function revisionOnFleet(
  { revision, nodes }: RevisionNodes,
  sources: readonly FleetSource[],
): RevisionPart {
  const rollouts = sources.map((source) => source.answers(revision));
  const away = nodesAway(nodes, sources);
  // A node that answered may no longer be one that it is for, until it answered to that.
  const answered = Math.min(
    add(rollouts, (one) => one.answered),
    nodes.size - away.count,
  );
  const exceptions = {
    refused: add(rollouts, ({ states }) => states.POLICY_STATE_REFUSED ?? 0),
    failed: add(rollouts, ({ states }) => states.POLICY_STATE_FAILED ?? 0),
    unsupported: add(rollouts, ({ states }) => states.POLICY_STATE_UNSUPPORTED ?? 0),
    degraded: add(rollouts, ({ states }) => states.POLICY_STATE_DEGRADED ?? 0),
  };
  const { refused, failed, unsupported, degraded } = exceptions;
  const pending = nodes.size - away.count - answered;
  const ready = Math.max(0, answered - refused - failed - unsupported);
  const states = { ...exceptions, pending, disconnected: away.count };
  return {
    revision: {
      generation: revision.generation,
      digest: revision.digest,
      nodes: nodes.size,
      answered,
      ready,
      states: { ...states, ready: Math.max(0, ready - degraded) },
    },
    worst: worstOf([
      ...rollouts.flatMap(({ worst }) => worst.map(problemOf)),
      ...away.names.map(disconnectedNode),
      ...(pending === 0 ? [] : sources.flatMap((one) => one.waiting(revision, nodes))).map(
        pendingNode,
      ),
    ]),
  };
}

/** How many of the nodes no source has, and the first names of them. */
function nodesAway(
  nodes: ReadonlySet<string>,
  sources: readonly FleetSource[],
): { readonly count: number; readonly names: readonly string[] } {
  const names: string[] = [];
  let count = 0;
  for (const node of nodes) {
    if (sources.some((source) => source.has(node))) continue;
    count++;
    if (names.length < worstNodesLimit) names.push(node);
  }
  return { count, names };
}

const stateNames: Readonly<Record<NodeException["state"], FleetNode["state"]>> = {
  POLICY_STATE_FAILED: "failed",
  POLICY_STATE_UNSUPPORTED: "unsupported",
  POLICY_STATE_REFUSED: "refused",
  POLICY_STATE_DEGRADED: "degraded",
};

const problemOf = (one: Rollout["worst"][number]): FleetNode => ({
  name: one.node,
  state: stateNames[one.state],
  code: one.code,
  message: one.message,
  runningGeneration: one.runningGeneration,
});

const disconnectedNode = (name: string): FleetNode => ({
  name,
  state: "disconnected",
  code: "sensor-not-connected",
  message: "The node's sensor is not connected; it keeps what it has",
  runningGeneration: undefined,
});

const pendingNode = (name: string): FleetNode => ({
  name,
  state: "pending",
  code: "sensor-not-answered",
  message: "The node's sensor has not answered to this revision yet",
  runningGeneration: undefined,
});

function worstOf(nodes: readonly FleetNode[]): readonly FleetNode[] {
  return [...nodes]
    .sort(
      (a, b) =>
        worstStates.indexOf(a.state) - worstStates.indexOf(b.state) || (a.name < b.name ? -1 : 1),
    )
    .slice(0, worstNodesLimit);
}

function statesOf(count: (state: NodeState) => number): Readonly<Record<NodeState, number>> {
  const entries = nodeStates.map((state) => [state, count(state)]);
  return Object.fromEntries(entries) as Record<NodeState, number>;
}

const add = (rollouts: readonly Rollout[], of: (rollout: Rollout) => number) =>
  rollouts.reduce((sum, rollout) => sum + of(rollout), 0);
