// SPDX-License-Identifier: Apache-2.0
import { LinkLimitError } from "./link-limit-error.ts";

/** Small numbers that are taken and returned: indexes into tables of the kernel. */
export interface NumberPool {
  /** @throws LinkLimitError if all are in use. */
  take(): number;
  /** Returns all others to the pool. */
  keepOnly(used: ReadonlySet<number>): void;
}

/** @param used numbers that are already taken. */
export function createNumberPool(
  what: string,
  range: { first: number; end: number },
  used: Iterable<number> = [],
): NumberPool {
  const { first, end } = range;
  const out = new Set(used);
  let next = first;
  return {
    // The number that has been free longest comes first: records of its last use get time to be read.
    take() {
      for (let tried = first; tried < end; tried++) {
        const number = next;
        next = next + 1 === end ? first : next + 1;
        if (out.has(number)) continue;
        out.add(number);
        return number;
      }
      throw new LinkLimitError(`all policies together have more than ${end - first} ${what}`);
    },
    keepOnly(kept) {
      for (const number of out) if (!kept.has(number)) out.delete(number);
    },
  };
}
