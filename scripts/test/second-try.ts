// SPDX-License-Identifier: Apache-2.0
import type { Counts } from "./counts.ts";

/**
 * GANDER_TEST_SECOND_TRY=1, set by `.ci/run`: files that failed run once more, alone, when all others are done. On a
 * slow machine full of guests a test can run out of time through no fault of the code. What passes then has
 * passed, but its failure is shown and counted as unsteady. Without it, as in `make test`, nothing runs twice.
 */
const isAllowed = process.env.GANDER_TEST_SECOND_TRY === "1";

/** With more files than this the code is at fault, and a second try would only cost time. */
const MOST_FILES = 4;

/** What gets a second try of what failed: all of it, or nothing. */
export function forSecondTry<File>(failed: readonly File[], allowed = isAllowed): readonly File[] {
  return allowed && failed.length <= MOST_FILES ? failed : [];
}

/** @param second of the same files. They fail unless all of it passed. */
export function afterSecondTry(first: Counts, second: Counts): Counts {
  if (second.failed > 0 || second.passed === 0) return first;
  return {
    ...first,
    passed: first.passed + first.failed,
    failed: 0,
    failures: [],
    unsteady: [...first.unsteady, ...first.failures],
  };
}
