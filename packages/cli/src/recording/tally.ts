// SPDX-License-Identifier: Apache-2.0
import type { ReadCall, RecordedHook } from "@gander/policy-test/recording";
import { podOf } from "./recording-text.ts";

/** Calls that a report shows as one. */
export type Tallied = {
  readonly verdict: string;
  readonly hook: string;
  readonly binary: string;
  readonly pod: string;
  calls: number;
  first: string;
  last: string;
  /** One of the calls: its values, as in the recording. */
  readonly example: ReadCall["args"];
};

/** Counts calls by what a report says of them; rows beyond the bound are counted together. */
export class Tally {
  readonly #rows = new Map<string, Tallied>();
  readonly #totals = new Map<string, number>();
  readonly #maxRows: number;
  #beyond = 0;

  constructor(maxRows = 10_000) {
    this.#maxRows = maxRows;
  }

  add(verdict: string, hook: RecordedHook, call: ReadCall): void {
    const { count, facts, first, last, args } = call;
    this.#totals.set(verdict, (this.#totals.get(verdict) ?? 0) + count);
    const fields = {
      ...{ verdict, hook: call.function ?? hook.target, binary: facts.binary, pod: podOf(facts) },
    };
    const key = JSON.stringify(fields);
    const row = this.#rows.get(key);
    if (row !== undefined) {
      row.calls += count;
      if (first < row.first) row.first = first;
      if (last > row.last) row.last = last;
    } else if (this.#rows.size >= this.#maxRows) this.#beyond += count;
    else this.#rows.set(key, { ...fields, calls: count, first, last, example: args });
  }

  /** Calls in all rows, and beyond. */
  total(verdict: string): number {
    return this.#totals.get(verdict) ?? 0;
  }

  /** Calls of rows that had no room. */
  get beyond(): number {
    return this.#beyond;
  }

  /** By verdict in this order, the most calls first. */
  rows(order: readonly string[]): readonly Tallied[] {
    return [...this.#rows.values()]
      .filter(({ verdict }) => order.includes(verdict))
      .toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict) || b.calls - a.calls);
  }
}
