// SPDX-License-Identifier: Apache-2.0
import type { PolicyState } from "@gander/proto/stream";
import type { PolicyRevision } from "../workloads/workload.ts";

/** Why a policy isn't, or not wholly, in force on a node. */
export type NodeException = {
  readonly revision: PolicyRevision;
  readonly state: Exclude<PolicyState, "POLICY_STATE_UNSPECIFIED">;
  /** From the list of error codes. */
  readonly code: string;
  readonly message: string;
  /** What goes on in its place; 0: nothing. */
  readonly runningGeneration: number;
};

/** A revision across the nodes that are connected here. */
export type Rollout = {
  /** Nodes that answered for this revision, whatever they said. */
  readonly answered: number;
  /** Of these, where it is in force; those that are degraded are. */
  readonly ready: number;
  readonly states: Readonly<Partial<Record<NodeException["state"], number>>>;
  /** At most ten, by state and name. */
  readonly worst: readonly (NodeException & { readonly node: string })[];
};

type NodeState = {
  /** Ascending by UID, as in the bundle. */
  readonly policies: readonly PolicyRevision[];
  readonly exceptions: readonly NodeException[];
};

const order: readonly NodeException["state"][] = [
  "POLICY_STATE_REFUSED",
  "POLICY_STATE_FAILED",
  "POLICY_STATE_UNSUPPORTED",
  "POLICY_STATE_DEGRADED",
];

/**
 * What nodes said they have in force. Only counts and exceptions are kept per policy, so a fleet that is
 * well takes no more than its counters; an answer costs what changed in it.
 */
export class RolloutState {
  readonly #nodes = new Map<string, NodeState>();
  readonly #answered = new Map<PolicyRevision, number>();
  readonly #exceptions = new Map<PolicyRevision, Map<string, NodeException>>();
  readonly #onChange: (revision: PolicyRevision) => void;

  /** `onChange` hears of each revision whose answers may be others now. */
  constructor(onChange: (revision: PolicyRevision) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** The node has these, but for the exceptions. */
  answered(node: string, state: NodeState): void {
    const before = this.#nodes.get(node);
    this.#nodes.set(node, state);
    this.#count(before?.policies ?? [], state.policies);
    this.#replaceExceptions(node, before?.exceptions ?? [], state.exceptions);
  }

  /** Nothing is known of the node any more. */
  gone(node: string): void {
    const before = this.#nodes.get(node);
    if (before === undefined) return;
    this.#nodes.delete(node);
    this.#count(before.policies, []);
    this.#replaceExceptions(node, before.exceptions, []);
  }

  of(revision: PolicyRevision): Rollout {
    const answered = this.#answered.get(revision) ?? 0;
    const exceptions = [...(this.#exceptions.get(revision) ?? [])].map(([node, one]) => ({
      node,
      ...one,
    }));
    const states: Partial<Record<NodeException["state"], number>> = {};
    for (const { state } of exceptions) states[state] = (states[state] ?? 0) + 1;
    const worst = exceptions.sort(
      (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.node < b.node ? -1 : 1),
    );
    const ready = answered - exceptions.length + (states.POLICY_STATE_DEGRADED ?? 0);
    return { answered, ready, states, worst: worst.slice(0, 10) };
  }

  /** Whether the node answered for the revision, whatever it said. */
  hasAnswered(node: string, revision: PolicyRevision): boolean {
    const policies = this.#nodes.get(node)?.policies ?? [];
    // They ascend by UID: thousands of nodes are asked about, with hundreds of policies each.
    let [low, high] = [0, policies.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((policies[middle]?.uid ?? "") < revision.uid) low = middle + 1;
      else high = middle;
    }
    return policies[low] === revision;
  }

  /** Of one node: what it answered for, and its exceptions. */
  node(name: string): NodeState | undefined {
    return this.#nodes.get(name);
  }

  /** Most of their entries are the same objects. */
  #count(before: readonly PolicyRevision[], after: readonly PolicyRevision[]): void {
    if (before === after) return;
    const kept = new Set(before);
    for (const revision of after) if (!kept.delete(revision)) this.#add(revision, 1);
    for (const revision of kept) this.#add(revision, -1);
  }

  #add(revision: PolicyRevision, more: number): void {
    const count = (this.#answered.get(revision) ?? 0) + more;
    if (count > 0) this.#answered.set(revision, count);
    else this.#answered.delete(revision);
    this.#onChange(revision);
  }

  #replaceExceptions(
    node: string,
    before: readonly NodeException[],
    after: readonly NodeException[],
  ): void {
    for (const { revision } of before) {
      this.#onChange(revision);
      const nodes = this.#exceptions.get(revision);
      nodes?.delete(node);
      if (nodes?.size === 0) this.#exceptions.delete(revision);
    }
    for (const exception of after) {
      this.#onChange(exception.revision);
      const nodes = this.#exceptions.get(exception.revision);
      if (nodes === undefined)
        this.#exceptions.set(exception.revision, new Map([[node, exception]]));
      else nodes.set(node, exception);
    }
  }
}
