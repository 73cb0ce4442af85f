// SPDX-License-Identifier: Apache-2.0
import type { PolicyCounts, Summary } from "@gander/proto/stream";

const fields = ["hits", "enforced", "emitted", "filtered", "suppressed", "lost"] as const;

export type Totals = Readonly<Record<(typeof fields)[number], number>>;

type Counts = Record<(typeof fields)[number], number>;

const zero = (): Counts => ({
  hits: 0,
  enforced: 0,
  emitted: 0,
  filtered: 0,
  suppressed: 0,
  lost: 0,
});

/**
 * Sums of what the sensors that are connected here counted. A sensor that goes takes its counts along, and
 * brings them to the replica it goes to: so the sums of all replicas count each sensor once.
 */
export class PolicyTotals {
  readonly #sums = new Map<string, Counts>();
  readonly #nodes = new Map<string, { since: string; readonly counts: Map<string, Counts> }>();

  /** Policies that `isKnown` doesn't know are passed over: whoever sends them can't make it grow. */
  add(node: string, summary: Summary, isKnown: (uid: string) => boolean): void {
    const { counting_since: since = "0", policies = [] } = summary;
    if (this.#nodes.get(node)?.since !== since) this.gone(node);
    let kept = this.#nodes.get(node);
    if (kept === undefined) {
      kept = { since, counts: new Map() };
      this.#nodes.set(node, kept);
    }
    for (const one of policies) {
      const { uid = "" } = one;
      const counts = isKnown(uid) ? numbersOf(one) : undefined;
      if (counts === undefined) continue;
      this.#move(uid, kept.counts.get(uid) ?? zero(), counts);
      kept.counts.set(uid, counts);
    }
  }

  /** The node has other policies now: counts of those it has no more leave the sums. */
  keep(node: string, isKnown: (uid: string) => boolean): void {
    const counts = this.#nodes.get(node)?.counts ?? new Map<string, Counts>();
    for (const [uid, of] of counts) {
      if (isKnown(uid)) continue;
      this.#move(uid, of, zero());
      counts.delete(uid);
    }
  }

  gone(node: string): void {
    this.keep(node, () => false);
    this.#nodes.delete(node);
  }

  of(uid: string): Totals {
    return { ...(this.#sums.get(uid) ?? zero()) };
  }

  /** What the sensor of one node counted. */
  ofNode(node: string, uid: string): Totals {
    return { ...(this.#nodes.get(node)?.counts.get(uid) ?? zero()) };
  }

  #move(uid: string, from: Counts, to: Counts): void {
    const sum = this.#sums.get(uid) ?? zero();
    for (const field of fields) sum[field] += to[field] - from[field];
    if (fields.every((field) => sum[field] === 0)) this.#sums.delete(uid);
    else this.#sums.set(uid, sum);
  }
}

/** Undefined if one is larger than any sensor can have counted, so that sums stay exact numbers. */
function numbersOf(one: PolicyCounts): Counts | undefined {
  const counts = zero();
  for (const field of fields) counts[field] = Number(one[field] ?? 0);
  return fields.every((field) => counts[field] < 2 ** 48) ? counts : undefined;
}
