// SPDX-License-Identifier: Apache-2.0

/**
 * A total over things that come and go, each with a count of its own. A plain sum would fall when one of
 * them goes, which Prometheus takes for a restart and counts all of it again.
 */
export class GrowingTotal<Key> {
  #total = 0;
  #last = new Map<Key, number>();

  /** `now` has all that exist, with their counts. */
  update(now: Iterable<readonly [Key, number]>): number {
    const seen = new Map<Key, number>();
    for (const [key, count] of now) {
      const before = this.#last.get(key) ?? 0;
      this.#total += count >= before ? count - before : count;
      seen.set(key, count);
    }
    this.#last = seen;
    return this.#total;
  }
}
