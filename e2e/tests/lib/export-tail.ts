// SPDX-License-Identifier: Apache-2.0
import { LineFollower } from "./line-follower.ts";

/** Counts words in lines that are being written; reads each byte once: there may be very many. */
export class ExportTail {
  readonly #lines = new LineFollower();
  readonly #counts = new Map<string, number>();

  /** From now on, counts this word, which no earlier line contains. */
  watch(word: string): void {
    this.#counts.set(word, 0);
  }

  /** The number of lines with the word so far; no line may contain it twice. */
  count(word: string, paths: readonly string[]): number {
    for (const path of paths) this.#read(path);
    return this.#counts.get(word) ?? 0;
  }

  #read(path: string): void {
    const added = this.#lines.read(path);
    if (added === undefined) return;
    for (const [word, count] of this.#counts)
      this.#counts.set(word, count + occurrences(added.bytes, word));
  }
}

function occurrences(bytes: Buffer, word: string): number {
  let count = 0;
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + word.length)) count++;
  return count;
}
