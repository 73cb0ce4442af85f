// SPDX-License-Identifier: Apache-2.0
import type { RecordedCall } from "./recorded-call.ts";
import type { CallLine, ProcessLine } from "./recording-format.ts";

export type Bounds = {
  /** Calls that differ. */
  readonly maxCalls: number;
  /** Characters of what tells calls and processes apart: about as much memory, and an upper bound of the file. */
  readonly maxChars: number;
};

type Counted = { count: number; readonly first: string; last: string };

/** Calls, each once for all that are alike, with their number and times. Bounded: what does not fit is counted. */
export class DistinctCalls {
  readonly #bounds: Bounds;
  readonly #processes = new Map<string, number>();
  readonly #calls = new Map<string, Counted>();
  #chars = 0;
  #total = 0;
  #withoutRoom = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Calls that are in none of the lines. */
  get withoutRoom(): number {
    return this.#withoutRoom;
  }

  /** Calls that are. */
  get total(): number {
    return this.#total;
  }

  get size(): number {
    return this.#calls.size;
  }

  add({ process: facts, time, ...call }: RecordedCall): void {
    const process = this.#processNumber(JSON.stringify(facts));
    const key = process === undefined ? "" : JSON.stringify({ ...call, process });
    const known = this.#calls.get(key);
    if (known !== undefined) {
      known.count++;
      if (time > known.last) known.last = time;
    } else if (process === undefined || !this.#hasRoom(key)) {
      this.#withoutRoom++;
      return;
    } else {
      this.#chars += key.length;
      this.#calls.set(key, { count: 1, first: time, last: time });
    }
    this.#total++;
  }

  *lines(): Iterable<ProcessLine | CallLine> {
    for (const [facts, process] of this.#processes) yield { process, facts: JSON.parse(facts) };
    for (const [key, counted] of this.#calls) yield { ...JSON.parse(key), ...counted };
  }

  #processNumber(key: string): number | undefined {
    const known = this.#processes.get(key);
    if (known !== undefined) return known;
    if (!this.#hasRoom(key)) return undefined;
    const number = this.#processes.size;
    this.#processes.set(key, number);
    this.#chars += key.length;
    return number;
  }

  #hasRoom(key: string): boolean {
    const { maxCalls, maxChars } = this.#bounds;
    return this.#calls.size < maxCalls && this.#chars + key.length <= maxChars;
  }
}
