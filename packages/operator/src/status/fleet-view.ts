// SPDX-License-Identifier: Apache-2.0
import type { NodeState } from "@gander/crd-schemas";
import { nodeStates, worstNodesLimit } from "@gander/crd-schemas";
import { addTotals, noTotals, type Totals } from "../sensors/policy-totals.ts";
import { blownFirst, type NodeException, type Rollout } from "../sensors/rollout-state.ts";
import type { RevisionNodes } from "../workloads/resolver.ts";
import type { PolicyRevision } from "../workloads/workload.ts";

/** The knowledge from a part of the sensors: those connected to one replica. */
export type FleetSource = {
  /** Whether the node's sensor said Hello there and is still connected. */
  has(node: string): boolean;
  /** Why the node's sensor cannot start, if it said so there. */
  startProblem(node: string): string | undefined;
  answers(revision: PolicyRevision): Rollout;
  /** At most ten of `nodes` that are connected there and haven't answered for the revision. */
  waiting(revision: PolicyRevision, nodes: ReadonlySet<string>): readonly string[];
  totals(uid: string): Totals;
  /** A policy's answers or, without a UID, the connected sensors changed. It must neither throw nor wait. */
  onChange(listener: (uid?: string) => void): Disposable;
};

export type FleetNode = {
  readonly name: string;
  readonly state: Exclude<NodeState, "ready">;
  /** From the list of error codes. */
  readonly code: string;
  readonly message: string;
  /** The generation that remains in force instead; 0: none. Undefined if unknown. */
  readonly runningGeneration: number | undefined;
};

/** One revision on the nodes that it is sent to. */
export type FleetRevision = {
  readonly generation: number;
  readonly digest: string;
  /** Nodes that receive it, connected or not. */
  readonly nodes: number;
  /** Of these, connected ones that answered for it, with any result. */
  readonly answered: number;
  /** Of these, where it is in force, even if degraded. */
  readonly ready: number;
  /** They add up to `nodes`; `ready` excludes degraded ones. */
  readonly states: Readonly<Record<NodeState, number>>;
};

/** A policy on all nodes that it applies to; those that receive no revision yet are pending. */
export type FleetPolicy = Omit<FleetRevision, "generation" | "digest"> & {
  readonly uid: string;
  /** Of the newest revision that nodes receive. */
  readonly generation: number;
  /** Newest first; more than one while nodes have different ones. */
  readonly revisions: readonly FleetRevision[];
  /** At most ten: those with a blown fuse, then the worst; none that is ready. */
  readonly worst: readonly FleetNode[];
  readonly totals: Totals;
};

export type FleetView = {
  /** Undefined if no node receives any revision of it, nor would if there were nodes. */
  of(uid: string): FleetPolicy | undefined;
  /** The status of the policy may have changed. Called often: gather. It must neither throw nor wait. */
  onChange(listener: (uid: string) => void): Disposable;
};

export type FleetViewDeps = {
  readonly resolver: {
    sharesOf(uid: string): readonly RevisionNodes[];
    /** Nodes that it applies to and that receive no revision yet. */
    nodesWithout(uid: string): number;
  };
  /** This replica and the connected others; evaluated at each use. */
  readonly sources: () => Iterable<FleetSource>;
};

/** Worst first. */
const worstStates: readonly NodeState[] = [...nodeStates].reverse();

/** A policy's status now: its nodes from the resolver, their answers from all sources. */
export function policyOnFleet(
  { resolver, sources }: FleetViewDeps,
  uid: string,
): FleetPolicy | undefined {
  const shares = resolver.sharesOf(uid);
  const [newest] = shares;
  if (newest === undefined) return undefined;
  const all = [...sources()];
  const parts = shares.map((share) => revisionOnFleet(share, all));
  const without = resolver.nodesWithout(uid);
  const sum = (of: (part: FleetRevision) => number) =>
    parts.reduce((total, { revision }) => total + of(revision), 0);
  return {
    uid,
    generation: newest.revision.generation,
    nodes: sum(({ nodes }) => nodes) + without,
    answered: sum(({ answered }) => answered),
    ready: sum(({ ready }) => ready),
    states: statesOf(
      (state) => sum(({ states }) => states[state]) + (state === "pending" ? without : 0),
    ),
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
  // A node may have answered before it left the policy's nodes, and not yet for that change.
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
      ...away.names.map((name) => disconnectedNode(name, startProblemOf(name, sources))),
      ...(pending === 0 ? [] : sources.flatMap((one) => one.waiting(revision, nodes))).map(
        pendingNode,
      ),
    ]),
  };
}

/** How many of the nodes are in no source, and the first of their names. */
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

/** The reason of a sensor that is not connected because it cannot start. */
export function startProblemOf(
  node: string,
  sources: Iterable<Pick<FleetSource, "startProblem">>,
): string | undefined {
  for (const source of sources) {
    const problem = source.startProblem(node);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `startProblem`: why its sensor cannot start, if it said so. */
export function whyDisconnected(startProblem: string | undefined) {
  return startProblem === undefined
    ? {
        code: "sensor-not-connected",
        message: "The node's sensor is not connected; it keeps what it has",
      }
    : { code: cannotStart, message: `The node's sensor cannot start: ${startProblem}` };
}

/** The code of a sensor that said why. */
export const cannotStart = "sensor-cannot-start";

const disconnectedNode = (name: string, startProblem: string | undefined): FleetNode => ({
  ...{ name, state: "disconnected", ...whyDisconnected(startProblem) },
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
        blownFirst(a, b) ||
        worstStates.indexOf(a.state) - worstStates.indexOf(b.state) ||
        (a.name < b.name ? -1 : 1),
    )
    .slice(0, worstNodesLimit);
}

function statesOf(count: (state: NodeState) => number): Readonly<Record<NodeState, number>> {
  const entries = nodeStates.map((state) => [state, count(state)]);
  return Object.fromEntries(entries) as Record<NodeState, number>;
}

const add = (rollouts: readonly Rollout[], of: (rollout: Rollout) => number) =>
  rollouts.reduce((sum, rollout) => sum + of(rollout), 0);
