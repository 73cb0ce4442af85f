// SPDX-License-Identifier: Apache-2.0
import {
  addAll,
  type Bits,
  clearBit,
  differWithin,
  hasBit,
  intersect,
  members,
  setBit,
} from "./bits.ts";
import { type PodGroup, PodGroups } from "./pod-groups.ts";
import { PodNames } from "./pod-names.ts";
import { type PolicyScope, policyScope } from "./policy-scope.ts";
import { type PolicyShare, takesNode } from "./policy-share.ts";
import {
  type Labels,
  labelsKey,
  type Pod,
  type PodDetails,
  type PolicyRevision,
  type PolicyTargets,
  sameRevision,
} from "./workload.ts";

/** Names of the nodes that a change affects: all of them and no others. */
type ChangedNodes = ReadonlySet<string>;

/** A stored pod. Immutable: a change replaces it. */
export type KeptPod = {
  readonly uid: string;
  readonly name: string;
  readonly group: PodGroup<KeptNode>;
  readonly node: KeptNode;
  readonly details: PodDetails;
};

/** A set of policies that some pod has; equal sets have equal keys. */
export type PodPolicies = {
  /** Ascending. */
  readonly uids: readonly string[];
  readonly key: string;
};

/** The state for a node. Derived on demand; its parts are shared and immutable. */
export type Bundle = {
  /** Ascending by UID. */
  readonly policies: readonly PolicyRevision[];
  /**
   * All pods of the node, even with an empty set, because the sensor waits for each pod's entry. The same
   * object as before if no entry can have changed.
   */
  readonly pods: ReadonlyMap<KeptPod, PodPolicies>;
  /** Of the node, for its events. Another object only if they have changed. */
  readonly nodeLabels: Labels;
};

type KeptNode = {
  readonly name: string;
  /** Undefined if pods name the node, but its object is not known yet, or no longer. */
  labels: Labels | undefined;
  /** Slots of the policies whose node selector matches it. */
  policies: Bits;
  readonly pods: Set<KeptPod>;
  /** The cached parts of its bundle, while valid. */
  derived: Derived | undefined;
};

/** Which pods get which policies, without the contents: most changes are of the contents alone. */
type Derived = {
  readonly stamp: number;
  /** Of the policies in the bundle. */
  readonly slots: readonly number[];
  readonly pods: Bundle["pods"];
};

/** A share, replaced when it changes; its slot remains while it applies to the same nodes and pods. */
type KeptShare = PolicyShare & { readonly slot: number; readonly scope: PolicyScope };

/** Nodes that have a revision in their bundle. */
export type RevisionNodes = { readonly revision: PolicyRevision; readonly nodes: ChangedNodes };

const none: ChangedNodes = new Set();

/**
 * Knows which policies apply to which node and pod. Pods are stored by what they have in common, policies
 * as bits of that; nothing is stored per node and policy, so the cost of a change depends on what it
 * touches. Namespaces matter only as names: no selector of the language reads their labels.
 */
export class Resolver {
  /** By UID. Bundles contain two revisions of a policy while one is on its first nodes only. */
  readonly #policies = new Map<string, readonly KeptShare[]>();
  readonly #bySlot: (KeptShare | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #nodes = new Map<string, KeptNode>();
  readonly #pods = new Map<string, KeptPod>();
  readonly #names = new PodNames<KeptPod>();
  readonly #groups = new PodGroups<KeptNode>();
  /** Policies that also apply to processes outside of pods. */
  readonly #host: Bits = [];
  readonly #sets = new Map<string, PodPolicies>();
  /** Incremented when the nodes or pods of a policy may have changed. */
  #stamp = 0;

  get size(): {
    readonly nodes: number;
    readonly pods: number;
    readonly groups: number;
    readonly policies: number;
  } {
    return {
      nodes: this.#nodes.size,
      pods: this.#pods.size,
      groups: this.#groups.size,
      policies: this.#policies.size,
    };
  }

  putPolicy(revision: PolicyRevision): ChangedNodes {
    return this.putShares(revision.uid, [{ revision, from: 0, to: 1 }]);
  }

  /** Undefined if the node is unknown. */
  labelsOf(node: string): Labels | undefined {
    return this.#nodes.get(node)?.labels;
  }

  /** Sets which nodes get which revision of a policy, newest first; shares have no node in common. */
  putShares(uid: string, shares: readonly PolicyShare[]): ChangedNodes {
    const before = this.#policies.get(uid) ?? [];
    const replaced = this.#replaceOnly(before, shares);
    if (replaced !== undefined) return replaced;
    const had = this.#given(before);
    const left = new Set(before);
    const after = shares.map((share) => this.#keep(share, left));
    for (const { slot } of left) this.#free(slot);
    if (after.length === 0) this.#policies.delete(uid);
    else this.#policies.set(uid, after);
    for (const [node, revision] of this.#given(after)) {
      if (had.get(node) === revision) had.delete(node);
      else had.set(node, revision);
    }
    return new Set(had.keys());
  }

  deletePolicy(uid: string): ChangedNodes {
    return this.putShares(uid, []);
  }

  putNode(name: string, labels: Labels): ChangedNodes {
    const node = this.#node(name);
    const before = node.labels;
    if (before !== undefined && labelsKey(before) === labelsKey(labels)) return none;
    node.labels = { ...labels };
    node.policies = [];
    node.derived = undefined;
    for (const share of this.#shares()) if (takes(share, node)) setBit(node.policies, share.slot);
    return new Set([name]);
  }

  deleteNode(name: string): ChangedNodes {
    const node = this.#nodes.get(name);
    if (node?.labels === undefined) return none;
    node.labels = undefined;
    node.policies = [];
    node.derived = undefined;
    this.#forgetIfEmpty(node);
    return new Set([name]);
  }

  putPod(pod: Pod): ChangedNodes {
    const before = this.#pods.get(pod.uid);
    const node = this.#node(pod.node);
    const group = this.#groups.join(pod, node, (created) => {
      for (const { slot, scope } of this.#shares())
        if (scope.pods(created)) setBit(created.policies, slot);
    });
    if (
      before?.group === group &&
      before.node === node &&
      before.name === pod.name &&
      before.details.digest === pod.details.digest
    ) {
      this.#groups.leave(group, node);
      return none;
    }
    const after: KeptPod = { uid: pod.uid, name: pod.name, group, node, details: pod.details };
    const changed = new Set<string>();
    const isTheSame =
      before !== undefined && before.node === node && this.#looksSame(before, after);
    this.#pods.set(pod.uid, after);
    if (before !== undefined) this.#names.delete(before);
    this.#names.add(after);
    node.pods.add(after);
    node.derived = undefined;
    if (before !== undefined) {
      this.#remove(before);
      if (before.node.labels !== undefined && !isTheSame) changed.add(before.node.name);
    }
    if (node.labels !== undefined && !isTheSame) changed.add(node.name);
    return changed;
  }

  deletePod(uid: string): ChangedNodes {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return none;
    this.#pods.delete(uid);
    this.#names.delete(pod);
    this.#remove(pod);
    return pod.node.labels === undefined ? none : new Set([pod.node.name]);
  }

  /** The one that was added last, if a pod and its successor are there at the same time. */
  podNamed(namespace: string, name: string): KeptPod | undefined {
    return this.#names.find(namespace, name);
  }

  /** Undefined if there is no such node. */
  bundle(name: string): Bundle | undefined {
    const node = this.#nodes.get(name);
    if (node?.labels === undefined) return undefined;
    const { slots, pods } = this.#derive(node);
    const policies = slots.flatMap((slot) => this.#bySlot[slot]?.revision ?? []);
    return {
      policies: policies.sort((a, b) => (a.uid < b.uid ? -1 : 1)),
      pods,
      nodeLabels: node.labels,
    };
  }

  #derive(node: KeptNode): Derived {
    if (node.derived?.stamp === this.#stamp) return node.derived;
    const slots = members(intersect(this.#relevant(node), node.policies));
    const pods = new Map<KeptPod, PodPolicies>();
    for (const pod of node.pods)
      pods.set(pod, this.#setOf(intersect(pod.group.policies, node.policies)));
    node.derived = { stamp: this.#stamp, slots, pods };
    return node.derived;
  }

  /** Nodes in the API, with or without sensors. */
  *nodeNames(): Iterable<string> {
    for (const { name, labels } of this.#nodes.values()) if (labels !== undefined) yield name;
  }

  policyUids(): Iterable<string> {
    return this.#policies.keys();
  }

  /** The newest one in bundles, as the stored object, not a later equal one. */
  revision(policyUid: string): PolicyRevision | undefined {
    return this.#policies.get(policyUid)?.[0]?.revision;
  }

  /** Nodes that have the policy in their bundle. */
  nodesOf(policyUid: string): ReadonlySet<string> {
    const shares = this.#policies.get(policyUid) ?? [];
    const [only] = shares;
    if (only !== undefined && shares.length === 1) return this.#nodesWith(only.slot);
    return new Set(this.#given(shares).keys());
  }

  /** The same by revision, newest first. */
  sharesOf(policyUid: string): readonly RevisionNodes[] {
    return (this.#policies.get(policyUid) ?? []).map(({ revision, slot }) => ({
      revision,
      nodes: this.#nodesWith(slot),
    }));
  }

  /** How many nodes the newest revision applies to that have none: those behind the canary of a new policy. */
  nodesWithout(policyUid: string): number {
    const shares = this.#policies.get(policyUid) ?? [];
    const [newest] = shares;
    if (newest === undefined || shares.some(({ to }) => to >= 1)) return 0;
    const having = shares.map(({ slot }) => this.#nodesWith(slot));
    let count = 0;
    for (const node of this.nodesFor(newest.revision))
      if (!having.some((nodes) => nodes.has(node))) count++;
    return count;
  }

  /** Nodes that would have a policy in their bundle if it went to all that it applies to. */
  nodesFor(targets: PolicyTargets): ReadonlySet<string> {
    const scope = policyScope(targets);
    const names = new Set<string>();
    const add = (node: KeptNode) => {
      if (node.labels !== undefined && scope.nodes(node.labels)) names.add(node.name);
    };
    if (scope.host) for (const node of this.#nodes.values()) add(node);
    else
      for (const { nodes } of this.#groups.matching(scope))
        for (const node of nodes.keys()) add(node);
    return names;
  }

  /** Most changes affect one revision's content, not its nodes and pods: those need no comparison. */
  #replaceOnly(
    [old, ...others]: readonly KeptShare[],
    shares: readonly PolicyShare[],
  ): ChangedNodes | undefined {
    const [share] = shares;
    if (old === undefined || others.length > 0 || share === undefined || shares.length > 1)
      return undefined;
    const kept = this.#keptIn(old, share);
    if (kept === undefined) return undefined;
    if (kept === old) return none;
    this.#policies.set(share.revision.uid, [kept]);
    return this.#nodesWith(kept.slot);
  }

  /** The share in the old one's slot, if both apply to the same nodes and pods. */
  #keptIn(old: KeptShare, share: PolicyShare): KeptShare | undefined {
    if (old.from !== share.from || old.to !== share.to) return undefined;
    if (scopeKey(old.revision) !== scopeKey(share.revision)) return undefined;
    if (sameRevision(old.revision, share.revision)) return old;
    const kept = { ...share, slot: old.slot, scope: old.scope };
    this.#bySlot[kept.slot] = kept;
    return kept;
  }

  *#shares(): Iterable<KeptShare> {
    for (const shares of this.#policies.values()) yield* shares;
  }

  /** Gives the share the slot of one in `left` with the same nodes and pods, or a free slot. */
  #keep(share: PolicyShare, left: Set<KeptShare>): KeptShare {
    for (const old of left) {
      const kept = this.#keptIn(old, share);
      if (kept === undefined) continue;
      left.delete(old);
      return kept;
    }
    const known = [...left].find(({ revision }) => sameRevision(revision, share.revision));
    const revision = known?.revision ?? share.revision;
    const slot = this.#freeSlots.pop() ?? this.#bySlot.length;
    const kept = { ...share, revision, slot, scope: policyScope(revision) };
    this.#bySlot[slot] = kept;
    this.#mark(kept);
    return kept;
  }

  #free(slot: number): void {
    this.#stamp += 1;
    clearBit(this.#host, slot);
    for (const group of this.#groups.all) clearBit(group.policies, slot);
    for (const node of this.#nodes.values()) clearBit(node.policies, slot);
    this.#bySlot[slot] = undefined;
    this.#freeSlots.push(slot);
    // Sets are found by slot, and another policy will get this slot.
    this.#sets.clear();
  }

  #mark(share: KeptShare): void {
    const { slot, scope } = share;
    this.#stamp += 1;
    if (scope.host) setBit(this.#host, slot);
    for (const group of this.#groups.matching(scope)) setBit(group.policies, slot);
    for (const node of this.#nodes.values()) if (takes(share, node)) setBit(node.policies, slot);
  }

  #given(shares: readonly KeptShare[]): Map<string, PolicyRevision> {
    const given = new Map<string, PolicyRevision>();
    for (const { revision, slot } of shares)
      for (const node of this.#nodesWith(slot)) given.set(node, revision);
    return given;
  }

  #nodesWith(slot: number): ReadonlySet<string> {
    const names = new Set<string>();
    const add = (node: KeptNode) => {
      if (hasBit(node.policies, slot)) names.add(node.name);
    };
    if (hasBit(this.#host, slot)) for (const node of this.#nodes.values()) add(node);
    else
      for (const { policies, nodes } of this.#groups.all)
        if (hasBit(policies, slot)) for (const node of nodes.keys()) add(node);
    return names;
  }

  /** Policies that apply there if their node selector matches the node. */
  #relevant(node: KeptNode): Bits {
    const bits = [...this.#host];
    for (const { group } of node.pods) addAll(bits, group.policies);
    return bits;
  }

  /** Whether the node receives the same for both: a container that no policy selects is no difference. */
  #looksSame(a: KeptPod, b: KeptPod): boolean {
    return samePod(a, b) && !differWithin(a.group.policies, b.group.policies, a.node.policies);
  }

  #remove(pod: KeptPod): void {
    pod.node.pods.delete(pod);
    pod.node.derived = undefined;
    this.#groups.leave(pod.group, pod.node);
    this.#forgetIfEmpty(pod.node);
  }

  #node(name: string): KeptNode {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { name, labels: undefined, policies: [], pods: new Set(), derived: undefined };
      this.#nodes.set(name, node);
    }
    return node;
  }

  #forgetIfEmpty(node: KeptNode): void {
    if (node.labels === undefined && node.pods.size === 0) this.#nodes.delete(node.name);
  }

  #setOf(bits: Bits): PodPolicies {
    const found = bits.join();
    let set = this.#sets.get(found);
    if (set === undefined) {
      const uids = members(bits)
        .flatMap((slot) => this.#bySlot[slot]?.revision.uid ?? [])
        .sort();
      set = { uids, key: uids.join(" ") };
      // Only sharing is lost: sets are compared by their keys.
      if (this.#sets.size >= 10_000) this.#sets.clear();
      this.#sets.set(found, set);
    }
    return set;
  }
}

/** Whether a sensor receives the same for both, except for their policies. */
export function samePod(a: KeptPod, b: KeptPod): boolean {
  return (
    a === b ||
    (a.uid === b.uid &&
      a.name === b.name &&
      a.details.digest === b.details.digest &&
      a.group.namespace === b.group.namespace &&
      a.group.labelsKey === b.group.labelsKey)
  );
}

function takes({ scope, ...share }: KeptShare, { name, labels }: KeptNode): boolean {
  return labels !== undefined && scope.nodes(labels) && takesNode(share, name);
}

/** Most changes of a policy leave its nodes and pods unchanged. */
function scopeKey({ namespace, workloads, nodeSelector }: PolicyRevision): string {
  return JSON.stringify([namespace, workloads, nodeSelector]);
}
