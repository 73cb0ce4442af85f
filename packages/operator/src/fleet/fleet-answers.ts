// SPDX-License-Identifier: Apache-2.0
import type { ExceptionState } from "@gander/crd-schemas";
import type {
  FleetPolicy as FleetPolicyMessage,
  FleetStatus,
  NodeState,
  PolicyNode,
  ReplicaStatus,
} from "@gander/proto/stream";
import type { PolicyCatalog, PolicyObject } from "../api/policy-catalog.ts";
import { ExceptedPolicies } from "../exceptions/excepted-policies.ts";
import type { ExceptionCatalog } from "../exceptions/exception-catalog.ts";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import { exceptionStates } from "../status/exception-states.ts";
import {
  type FleetNode,
  type FleetPolicy,
  type FleetView,
  startProblemOf,
  whyDisconnected,
} from "../status/fleet-view.ts";
import type { Resolver } from "../workloads/resolver.ts";
import { countsOf, type PolicyNodesDeps, policyNodesHere } from "./policy-nodes.ts";

/** Another replica, as a source of answers. */
export type FleetReplica = {
  has(node: string): boolean;
  /** As `startProblem` of FleetSource. */
  startProblem(node: string): string | undefined;
  /** The answer for the replica's nodes; empty if it is late. */
  policyNodes(
    uid: string,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly PolicyNode[]>;
};

type FleetAnswersDeps = Omit<PolicyNodesDeps, "hub"> & {
  readonly catalog: Pick<PolicyCatalog, "get" | "all">;
  readonly view: Pick<FleetView, "of">;
  readonly hub: PolicyNodesDeps["hub"] & Pick<SensorHub, "nodes" | "startProblems">;
  readonly resolver: Pick<Resolver, "sharesOf" | "nodeNames">;
  readonly exceptions: Pick<ExceptionCatalog, "of">;
  readonly version: string;
  /** This replica first, then those that report to it. */
  readonly replicas: () => readonly ReplicaStatus[];
  readonly peers: () => readonly (FleetReplica & { nodeNames(): Iterable<string> })[];
};

export type FleetAnswers = {
  status(): FleetStatus;
  /** By namespace and name. */
  policies(): readonly FleetPolicyMessage[];
  /** Undefined if there is no such policy. Nodes are sorted by name. */
  policyNodes(
    key: { readonly namespace: string; readonly name: string },
    options: { readonly signal: AbortSignal },
  ): Promise<
    { readonly policy: FleetPolicyMessage; readonly nodes: readonly PolicyNode[] } | undefined
  >;
};

const shownDisconnected = 20;

/** Answers for the whole cluster, from what this replica and its peers know. */
export function createFleetAnswers(deps: FleetAnswersDeps): FleetAnswers {
  const { catalog, view, hub, resolver, version, replicas, peers } = deps;
  const problemOf = (node: string) => hub.startProblems.of(node) ?? startProblemOf(node, peers());
  const excepted = new ExceptedPolicies(deps.exceptions);
  const describe = (object: PolicyObject) => {
    const fleet = view.of(object.uid);
    const { value } = object.compiled;
    const uses = value === undefined ? [] : excepted.of(object, value).uses;
    const hits = fleet?.totals.exceptions ?? new Map<string, number>();
    const states = exceptionStates(uses, hits, new Date());
    return { ...describePolicy(object, fleet), exceptions: states.map(describeException) };
  };
  return {
    status() {
      const sensors = new Set(hub.nodes);
      for (const peer of peers()) for (const node of peer.nodeNames()) sensors.add(node);
      const nodes = new Set(resolver.nodeNames());
      const away = [...nodes].filter((node) => !sensors.has(node)).sort();
      const policies = [...catalog.all()];
      const problems = away.flatMap((node) => {
        const problem = problemOf(node);
        return problem === undefined ? [] : [{ node, problem }];
      });
      return {
        operator_version: version,
        replicas: replicas(),
        nodes: nodes.size,
        connected: nodes.size - away.length,
        disconnected: away.slice(0, shownDisconnected),
        start_problems: problems.slice(0, shownDisconnected),
        unknown: [...sensors].filter((node) => !nodes.has(node)).length,
        policies: policies.length,
        ready: policies.filter((object) => isReady(describe(object))).length,
      };
    },
    policies: () => [...catalog.all()].sort(byName).map(describe),
    async policyNodes({ namespace, name }, { signal }) {
      const object = [...catalog.all()].find(
        (one) => one.namespace === namespace && one.name === name,
      );
      if (object === undefined) return undefined;
      const { uid } = object;
      const all = peers();
      const found = new Map<string, PolicyNode>();
      const parts = await Promise.all(all.map((peer) => peer.policyNodes(uid, { signal })));
      for (const one of parts.flat()) if (one.node !== undefined) found.set(one.node, one);
      for (const one of policyNodesHere(deps, uid)) found.set(one.node ?? "", one);
      const nodes = resolver
        .sharesOf(uid)
        .flatMap((share) => [...share.nodes])
        .map((node) => found.get(node) ?? unheard(node, all, problemOf(node)));
      return {
        policy: describe(object),
        nodes: nodes.sort((a, b) => ((a.node ?? "") < (b.node ?? "") ? -1 : 1)),
      };
    },
  };
}

/** In force on all its nodes, with no older generation in place of an unusable one. */
function isReady({ nodes = 0, ready = 0, problems = [] }: FleetPolicyMessage): boolean {
  return ready === nodes && problems.length === 0;
}

function unheard(
  node: string,
  peers: readonly FleetReplica[],
  startProblem: string | undefined,
): PolicyNode {
  return peers.some((peer) => peer.has(node))
    ? {
        node,
        state: "NODE_STATE_PENDING",
        code: "replica-not-answered",
        message: "The replica that serves this node's sensor has not answered",
      }
    : { node, state: "NODE_STATE_DISCONNECTED", ...whyDisconnected(startProblem) };
}

function describePolicy(
  { uid, name, namespace, generation, compiled }: PolicyObject,
  fleet: FleetPolicy | undefined,
): FleetPolicyMessage {
  const problems = compiled.problems ?? [];
  return {
    ...{ uid, name, namespace },
    generation: String(generation),
    ...(compiled.value === undefined ? {} : { mode: compiled.value.policy.mode }),
    problems: problems
      .filter(({ severity }) => severity === "error")
      .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)),
    ...(fleet === undefined ? {} : describeFleet(fleet)),
  };
}

const describeFleet = (fleet: FleetPolicy) => ({
  nodes: fleet.nodes,
  answered: fleet.answered,
  ready: fleet.ready,
  states: Object.entries(fleet.states)
    .filter(([, nodes]) => nodes > 0)
    .map(([state, nodes]) => ({ state: stateMessage(state), nodes })),
  worst: fleet.worst.map(describeNode),
  counts: countsOf(fleet.totals),
  revisions: fleet.revisions.map(({ generation, nodes, answered, ready }) => ({
    ...{ generation: String(generation), nodes, answered, ready },
  })),
});

const describeNode = ({ name, state, code, message, runningGeneration }: FleetNode) => ({
  ...{ node: name, state: stateMessage(state), code, message },
  ...(runningGeneration === undefined ? {} : { running_generation: String(runningGeneration) }),
});

const describeException = ({ hits, ...rest }: ExceptionState) => ({ ...rest, hits: String(hits) });

const stateMessage = (state: string) => `NODE_STATE_${state.toUpperCase()}` as NodeState;

function byName(a: PolicyObject, b: PolicyObject): number {
  return a.namespace === b.namespace
    ? a.name < b.name
      ? -1
      : 1
    : a.namespace < b.namespace
      ? -1
      : 1;
}
