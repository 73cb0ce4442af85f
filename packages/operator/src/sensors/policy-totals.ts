// SPDX-License-Identifier: Apache-2.0
import { policyCountFields as fields, type PolicyCounts, type Summary } from "@gander/proto/stream";

export type Totals = Readonly<Record<(typeof fields)[number], number>>;

type Counts = Record<(typeof fields)[number], number>;

/** Numbers of a message, which has them as texts and may lack some. */
export function totalsOf(counts: PolicyCounts): Totals {
  return Object.fromEntries(fields.map((field) => [field, Number(counts[field] ?? 0)])) as Counts;
}

export function addTotals(a: Totals, b: Totals): Totals {
  return Object.fromEntries(fields.map((field) => [field, a[field] + b[field]])) as Counts;
}

export const noTotals: Totals = totalsOf({});

const zero = (): Counts => ({ ...noTotals });

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
  const counts: Counts = totalsOf(one);
  return fields.every((field) => counts[field] < 2 ** 48) ? counts : undefined;
}
