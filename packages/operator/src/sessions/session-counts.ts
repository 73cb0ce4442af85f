// SPDX-License-Identifier: Apache-2.0
import type { OperatorCollector } from "../metrics/operator-metrics.ts";
import type { SessionKind } from "./session-review.ts";

/** What became of an announcement; `passed-on`: to another replica, which counts it again. */
export type SessionResult =
  | "sent"
  | "passed-on"
  | "no-sensor"
  | "unknown-pod"
  | "dropped"
  | "noted";

/** Counts of requested sessions, by kind and result. */
export class SessionCounts {
  readonly #counts = new Map<string, number>();

  add(kind: SessionKind | (string & {}), result: SessionResult): void {
    const key = `${kind} ${result}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  readonly report: OperatorCollector = (report) => {
    for (const { count, ...labels } of this.all())
      report("gander_operator_sessions_total", count, labels);
  };

  *all(): Iterable<{ readonly kind: string; readonly result: string; readonly count: number }> {
    for (const [key, count] of this.#counts) {
      const [kind = "", result = ""] = key.split(" ");
      yield { kind, result, count };
    }
  }
}
