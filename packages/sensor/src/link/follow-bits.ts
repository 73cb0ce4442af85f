// SPDX-License-Identifier: Apache-2.0
import { limits } from "./abi.gen.ts";
import { LinkLimitError } from "./link-limit-error.ts";

/** The processes that a bit of `proc.follow` marks, with all their descendants. */
export type Followed =
  | {
      /** Id of a set of paths. */
      readonly binaries: number;
      /** enum path_match: how they are compared; each set is for one way. */
      readonly match: number;
    }
  | { readonly pids: readonly number[] };

export interface FollowBits {
  /** Returns the bit for these; equal ones share it. @throws LinkLimitError if none is free. */
  bit(followed: Followed): number;
  /** Frees all bits but these. */
  keepOnly(bits: ReadonlySet<number>): void;
  entries(): IterableIterator<[number, Followed]>;
}

type FollowBitsOptions = {
  /** Bits that are already assigned. */
  readonly known?: Iterable<readonly [number, Followed]>;
  /** Whether some process carries the bit from an earlier use, so that it can't get a new meaning. */
  readonly isCarried?: (bit: number) => boolean;
};

export function createFollowBits({
  known = [],
  isCarried = () => false,
}: FollowBitsOptions = {}): FollowBits {
  const assigned = new Map<number, Followed>(known);
  const all = Array.from({ length: limits.FOLLOW_BITS }, (_, bit) => bit);
  return {
    bit(followed) {
      for (const [bit, one] of assigned) if (keyOf(one) === keyOf(followed)) return bit;
      const bit = all.find((one) => !assigned.has(one) && !isCarried(one));
      if (bit === undefined) {
        throw new LinkLimitError(
          `${limits.FOLLOW_BITS} selectors that follow children or forks are in use, or were while processes of today started`,
        );
      }
      assigned.set(bit, followed);
      return bit;
    },
    keepOnly(bits) {
      for (const bit of [...assigned.keys()]) if (!bits.has(bit)) assigned.delete(bit);
    },
    entries: () => assigned.entries(),
  };
}

function keyOf(followed: Followed): string {
  return "pids" in followed
    ? `pids ${[...new Set(followed.pids)].sort((a, b) => a - b).join(" ")}`
    : `set ${followed.binaries}`;
}
