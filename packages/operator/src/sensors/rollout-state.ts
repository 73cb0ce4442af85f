// SPDX-License-Identifier: Apache-2.0
import type { PolicyState } from "@gander/proto/stream";
import type { PolicyRevision } from "../workloads/workload.ts";

/** Why a policy isn't, or not fully, in force on a node. */
export type NodeException = {
  readonly revision: PolicyRevision;
  readonly state: Exclude<PolicyState, "POLICY_STATE_UNSPECIFIED">;
  /** From the list of error codes. */
  readonly code: string;
  readonly message: string;
  /** The generation that remains in force instead; 0: none. */
  readonly runningGeneration: number;
};

/** A revision across the nodes that are connected here. */
export type Rollout = {
  /** Nodes that answered for this revision, with any result. */
  readonly answered: number;
  /** Of these, where it is in force, even if degraded. */
  readonly ready: number;
  readonly states: Readonly<Partial<Record<NodeException["state"], number>>>;
  /** At most ten: those with a blown fuse, then by state and name. */
  readonly worst: readonly (NodeException & { readonly node: string })[];
};

type Coded = { readonly code: string };

/** The policy only monitors on the node, because its fuse is blown. */
export const hasBlownFuse = ({ code }: Coded): boolean => code === "fuse-blown";

/** Only a person arms them again, and needs their names. */
export const blownFirst = (a: Coded, b: Coded): number =>
  Number(hasBlownFuse(b)) - Number(hasBlownFuse(a));

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
 * What nodes reported to be in force. Only counts and exceptions are kept per policy, so a healthy fleet
 * needs only its counters; the cost of an answer is proportional to what changed.
 */
export class RolloutState {
  readonly #nodes = new Map<string, NodeState>();
  readonly #answered = new Map<PolicyRevision, number>();
  readonly #exceptions = new Map<PolicyRevision, Map<string, NodeException>>();
  readonly #onChange: (revision: PolicyRevision) => void;

  /** `onChange` is called for each revision whose answers may have changed. */
  constructor(onChange: (revision: PolicyRevision) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** All of the state's policies are in force on the node, except its exceptions. */
  answered(node: string, state: NodeState): void {
    const before = this.#nodes.get(node);
    this.#nodes.set(node, state);
    this.#count(before?.policies ?? [], state.policies);
    this.#replaceExceptions(node, before?.exceptions ?? [], state.exceptions);
  }

  /** Drops the node's answers. */
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
      (a, b) =>
        blownFirst(a, b) ||
        order.indexOf(a.state) - order.indexOf(b.state) ||
        (a.node < b.node ? -1 : 1),
    );
    const ready = answered - exceptions.length + (states.POLICY_STATE_DEGRADED ?? 0);
    return { answered, ready, states, worst: worst.slice(0, 10) };
  }

  /** Whether the node answered for the revision, with any result. */
  hasAnswered(node: string, revision: PolicyRevision): boolean {
    const policies = this.#nodes.get(node)?.policies ?? [];
    // They ascend by UID: thousands of nodes are checked, with hundreds of policies each.
    let [low, high] = [0, policies.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((policies[middle]?.uid ?? "") < revision.uid) low = middle + 1;
      else high = middle;
    }
    return policies[low] === revision;
  }

  /** The policies that a node answered for, and its exceptions. */
  node(name: string): NodeState | undefined {
    return this.#nodes.get(name);
  }

  /** Most entries of both are the same objects. */
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
