// SPDX-License-Identifier: Apache-2.0
import { policyCountFields as fields, type PolicyCounts, type Summary } from "@gander/proto/stream";

export type Totals = Readonly<Record<(typeof fields)[number], number>>;

type Counts = Record<(typeof fields)[number], number>;

/** Numbers of a message, where they are texts and some may be absent. */
export function totalsOf(counts: PolicyCounts): Totals {
  return Object.fromEntries(fields.map((field) => [field, Number(counts[field] ?? 0)])) as Counts;
}

export function addTotals(a: Totals, b: Totals): Totals {
  return Object.fromEntries(fields.map((field) => [field, a[field] + b[field]])) as Counts;
}

export const noTotals: Totals = totalsOf({});

const zero = (): Counts => ({ ...noTotals });

/**
 * Sums of the counts of the sensors connected here. A sensor that disconnects takes its counts along to
 * its next replica: so the sums of all replicas count each sensor once.
 */
export class PolicyTotals {
  readonly #sums = new Map<string, Counts>();
  readonly #nodes = new Map<string, { since: string; readonly counts: Map<string, Counts> }>();

  /** Skips policies that `isKnown` rejects, so that no sender can make the map grow. */
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

  /** The node's policies changed: counts of removed ones leave the sums. */
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

  /** The counts of one node's sensor. */
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
  const counts: Counts = totalsOf(one);
  return fields.every((field) => counts[field] < 2 ** 48) ? counts : undefined;
}
