// SPDX-License-Identifier: Apache-2.0
import type { Group } from "./groups.ts";

/** What a guest costs besides its files, in seconds of a usual machine. */
const GUEST_SECONDS = 7;

export interface GroupQueueOptions {
  /** How many run side by side. */
  readonly slots: number;
  /** Milliseconds since the epoch; undefined: all groups run, however long it takes. */
  readonly deadline?: number | undefined;
  /** The kernel whose groups come first if the time is short. */
  readonly first?: string | undefined;
}

/**
 * The groups that wait, longest first. If the machine turns out to be too slow to run all of them before the
 * deadline, those with the shortest files come first, and what doesn't fit is left out. How slow it is shows
 * in the groups that are done, so the first ones are short.
 */
export class GroupQueue {
  readonly #options: GroupQueueOptions;
  #waiting: Group[];
  #expected = 0;
  #measured = 0;

  constructor(longestFirst: readonly Group[], options: GroupQueueOptions) {
    this.#waiting = [...longestFirst];
    this.#options = options;
  }

  /** What was not given out. */
  get leftOut(): readonly Group[] {
    return this.#waiting;
  }

  /** @param now milliseconds since the epoch. */
  next(now: number): Group | undefined {
    const group = this.#choose(now);
    this.#waiting = this.#waiting.filter((one) => one !== group);
    return group;
  }

  /** Files that a group had no time to begin, as its guest ended. */
  putBack(group: Group): void {
    this.#waiting.unshift(group);
  }

  /** @param seconds how long the group took. */
  note(group: Group, seconds: number): void {
    this.#expected += costOf(group);
    this.#measured += seconds;
  }

  #choose(now: number): Group | undefined {
    const { deadline, slots, first } = this.#options;
    if (deadline === undefined) return this.#waiting[0];
    const left = (deadline - now) / 1000;
    const slowness = this.#expected === 0 ? 1 : Math.max(1, this.#measured / this.#expected);
    const all = this.#waiting.reduce((sum, group) => sum + costOf(group), 0);
    if (this.#expected > 0 && all * slowness <= left * slots) return this.#waiting[0];
    const fitting = this.#waiting.filter((group) => costOf(group) * slowness <= left);
    const preferred = fitting.filter(({ kernel }) => kernel === first);
    return (preferred.length > 0 ? preferred : fitting).reduce<Group | undefined>(
      (best, group) =>
        best === undefined || costPerFile(group) < costPerFile(best) ? group : best,
      undefined,
    );
  }
}

const costOf = ({ expectedSeconds }: Group): number => expectedSeconds + GUEST_SECONDS;
const costPerFile = (group: Group): number => costOf(group) / group.files.length;
