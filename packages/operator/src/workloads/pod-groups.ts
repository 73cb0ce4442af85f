// SPDX-License-Identifier: Apache-2.0
import type { Bits } from "./bits.ts";
import { type PodTraits, type PolicyScope, traitKeys } from "./policy-scope.ts";
import { type Labels, labelsKey } from "./workload.ts";

/** All pods that no policy can distinguish; a tenth as many as pods, in most clusters fewer. */
export type PodGroup<Node> = PodTraits & {
  readonly key: string;
  /** Equal labels have equal text. */
  readonly labelsKey: string;
  /** Slots of the policies that apply to such pods, wherever they run. */
  readonly policies: Bits;
  /** Nodes with such pods, and how many. */
  readonly nodes: Map<Node, number>;
};

/** Interns what pods have in common, and finds groups by it. */
export class PodGroups<Node> {
  readonly #groups = new Map<string, PodGroup<Node>>();
  readonly #byTrait = new Map<string, Set<PodGroup<Node>>>();

  get all(): Iterable<PodGroup<Node>> {
    return this.#groups.values();
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Counts one more pod on the node. `created` fills in the policies of a new group. */
  join(
    { namespace, labels, containers }: PodTraits,
    node: Node,
    created: (group: PodGroup<Node>) => void,
  ): PodGroup<Node> {
    const labelsText = labelsKey(labels);
    const names = [...new Set(containers)].sort();
    const key = `${namespace}\0${labelsText}\0${names.join(" ")}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      const traits = { namespace, labels: ownCopy(labels), containers: names };
      group = { ...traits, key, labelsKey: labelsText, policies: [], nodes: new Map() };
      this.#groups.set(key, group);
      for (const trait of traitKeys(group)) {
        const having = this.#byTrait.get(trait);
        if (having === undefined) this.#byTrait.set(trait, new Set([group]));
        else having.add(group);
      }
      created(group);
    }
    group.nodes.set(node, (group.nodes.get(node) ?? 0) + 1);
    return group;
  }

  /** Counts one pod less on the node. */
  leave(group: PodGroup<Node>, node: Node): void {
    const pods = group.nodes.get(node) ?? 0;
    if (pods > 1) {
      group.nodes.set(node, pods - 1);
      return;
    }
    group.nodes.delete(node);
    if (group.nodes.size > 0) return;
    this.#groups.delete(group.key);
    for (const trait of traitKeys(group)) {
      const having = this.#byTrait.get(trait);
      having?.delete(group);
      if (having?.size === 0) this.#byTrait.delete(trait);
    }
  }

  /** Groups that a policy applies to. Only those of its rarest condition are checked. */
  *matching({ conditions, pods }: PolicyScope): Iterable<PodGroup<Node>> {
    let fewest: readonly ReadonlySet<PodGroup<Node>>[] | undefined;
    let least = this.#groups.size;
    for (const alternatives of conditions) {
      const sets = [...new Set(alternatives)].flatMap((trait) => this.#byTrait.get(trait) ?? []);
      const size = sets.reduce((sum, set) => sum + set.size, 0);
      if (fewest !== undefined && size >= least) continue;
      fewest = sets;
      least = size;
    }
    for (const set of fewest ?? [this.#groups.values()])
      for (const group of set) if (pods(group)) yield group;
  }
}

/** A copy without references to the original object. */
function ownCopy(labels: Labels): Labels {
  return { ...labels };
}
