// SPDX-License-Identifier: Apache-2.0
import { limits } from "@gander/policy";
import { policyCountFields as fields, type PolicyCounts, type Summary } from "@gander/proto/stream";

type Numbers = Readonly<Record<(typeof fields)[number], number>>;

export type Totals = Numbers & {
  /** Calls by the exception of the policy that excepted them. */
  readonly exceptions: ReadonlyMap<string, number>;
};

/** Numbers of a message, where they are texts and some may be absent. */
export function totalsOf(counts: PolicyCounts): Totals {
  const numbers = fields.map((field) => [field, Number(counts[field] ?? 0)]);
  const exceptions = (counts.exceptions ?? [])
    .slice(0, limits.exceptions)
    .map(
      ({ exception = "", hits = "0" }) => [exception.slice(0, nameLength), Number(hits)] as const,
    );
  return { ...(Object.fromEntries(numbers) as Numbers), exceptions: new Map(exceptions) };
}

/** NAMESPACE/NAME */
const nameLength = 320;

export const addTotals = (a: Totals, b: Totals): Totals => sum(a, b, 1);

export const noTotals: Totals = totalsOf({});

function sum(a: Totals, b: Totals, sign: 1 | -1): Totals {
  const numbers = fields.map((field) => [field, a[field] + sign * b[field]]);
  const exceptions = new Map(a.exceptions);
  for (const [name, hits] of b.exceptions) {
    const count = (exceptions.get(name) ?? 0) + sign * hits;
    // A count of 0 is shown as long as a node reports it.
    if (count === 0 && sign === -1) exceptions.delete(name);
    else exceptions.set(name, count);
  }
  return { ...(Object.fromEntries(numbers) as Numbers), exceptions };
}

/**
 * Sums of the counts of the sensors connected here. A sensor that disconnects takes its counts along to
 * its next replica: so the sums of all replicas count each sensor once.
 */
export class PolicyTotals {
  readonly #sums = new Map<string, Totals>();
  readonly #nodes = new Map<string, { since: string; readonly counts: Map<string, Totals> }>();

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
      this.#move(uid, kept.counts.get(uid) ?? noTotals, counts);
      kept.counts.set(uid, counts);
    }
  }

  /** The node's policies changed: counts of removed ones leave the sums. */
  keep(node: string, isKnown: (uid: string) => boolean): void {
    const counts = this.#nodes.get(node)?.counts ?? new Map<string, Totals>();
    for (const [uid, of] of counts) {
      if (isKnown(uid)) continue;
      this.#move(uid, of, noTotals);
      counts.delete(uid);
    }
  }

  gone(node: string): void {
    this.keep(node, () => false);
    this.#nodes.delete(node);
  }

  of(uid: string): Totals {
    return this.#sums.get(uid) ?? noTotals;
  }

  /** The counts of one node's sensor. */
  ofNode(node: string, uid: string): Totals {
    return this.#nodes.get(node)?.counts.get(uid) ?? noTotals;
  }

  #move(uid: string, from: Totals, to: Totals): void {
    const all = sum(sum(this.#sums.get(uid) ?? noTotals, from, -1), to, 1);
    if (fields.every((field) => all[field] === 0)) this.#sums.delete(uid);
    else this.#sums.set(uid, all);
  }
}

/** Undefined if one is larger than any sensor can have counted, so that sums stay exact numbers. */
function numbersOf(one: PolicyCounts): Totals | undefined {
  const counts = totalsOf(one);
  const all = [...fields.map((field) => counts[field]), ...counts.exceptions.values()];
  return all.every((count) => count < 2 ** 48) ? counts : undefined;
}
