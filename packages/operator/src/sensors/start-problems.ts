// SPDX-License-Identifier: Apache-2.0

type Kept = { readonly problem: string; readonly until: number };

/**
 * A kubelet restarts the container at the latest after five minutes, and the sensor then says it again: what
 * was not repeated for so long no longer holds, or the sensor is at another replica.
 */
const keptMs = 15 * 60_000;

/** Why sensors cannot start, by node; at most one reason each, until it is forgotten or too old. */
export class StartProblems {
  readonly #kept = new Map<string, Kept>();
  readonly #monotonicNow: () => number;

  constructor(monotonicNow: () => number) {
    this.#monotonicNow = monotonicNow;
  }

  add(node: string, problem: string): void {
    this.#kept.set(node, { problem, until: this.#monotonicNow() + keptMs });
  }

  /** The sensor has started. */
  forget(node: string): void {
    this.#kept.delete(node);
  }

  of(node: string): string | undefined {
    const kept = this.#kept.get(node);
    return kept === undefined || kept.until <= this.#monotonicNow() ? undefined : kept.problem;
  }

  all(): ReadonlyMap<string, string> {
    const now = this.#monotonicNow();
    for (const [node, { until }] of this.#kept) if (until <= now) this.#kept.delete(node);
    return new Map([...this.#kept].map(([node, { problem }]) => [node, problem]));
  }
}
