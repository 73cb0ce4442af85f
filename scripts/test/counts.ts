// SPDX-License-Identifier: Apache-2.0

/** How many tests ended how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

/**
 * A runner's own counts, held against its exit status: one that died, or found fault with
 * something that is no test (an import, an unhandled rejection), has failed once more.
 */
export function countsOfRunner(counts: Counts | undefined, exitStatus: number): Counts {
  const known = counts ?? noCounts;
  const silentFailure = known.failed === 0 && (exitStatus !== 0 || counts === undefined);
  return silentFailure ? { ...known, failed: 1 } : known;
}

/** One line of the closing table. */
export function formatSummary(name: string, counts: Counts, durationMs: number): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const seconds = (durationMs / 1000).toFixed(0);
  return `${counts.failed > 0 ? "✗" : "✓"} ${name}: ${counts.passed} passed, ${counts.failed} failed${skipped} (${seconds} s)`;
}
