// SPDX-License-Identifier: Apache-2.0

/** How many tests ended how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of failed ones as far as known: repeated at the end, where they are not lost in a long output. */
  readonly failures: readonly Failure[];
  /** Failures of files that passed at their second try. */
  readonly unsteady: readonly Failure[];
}

export interface Failure {
  readonly file: string;
  readonly test: string;
  readonly message: string;
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0, failures: [], unsteady: [] };

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
    unsteady: [...a.unsteady, ...b.unsteady],
  };
}

/**
 * A runner's own counts, held against its exit status: one that died, or found fault with
 * something that is no test (an import, an unhandled rejection), has failed once more.
 */
export function countsOfRunner(
  runner: string,
  counts: Counts | undefined,
  exitStatus: number,
): Counts {
  const known = { ...noCounts, ...counts };
  const silentFailure = known.failed === 0 && (exitStatus !== 0 || counts === undefined);
  if (!silentFailure) return known;
  const message = `ended with exit status ${exitStatus}${counts ? "" : " and left no report"}; see its output above`;
  return { ...known, failed: 1, failures: [{ file: runner, test: "the run itself", message }] };
}

const shownLines = 12;

/** Where, what and why: the first lines of its message, without the runner's own calls. */
export function formatFailure({ file, test, message }: Failure): string {
  const lines = message
    .trim()
    .split("\n")
    .filter((line) => !/^ +at .*(node:|node_modules)/.test(line));
  const rest = lines.length - shownLines;
  const why = [...lines.slice(0, shownLines), ...(rest > 0 ? [`… ${rest} more lines`] : [])];
  return [`✗ ${file} > ${test}`, ...why.map((line) => `    ${line}`)].join("\n");
}

/**
 * The end of the output: failures, counts. Last of all, so that what failed and why is seen where only the end
 * of a long log is shown.
 */
export function formatTotal({ passed, failed, skipped, failures, unsteady }: Counts): string {
  const secondTry = unsteady.length > 0 ? `, ${unsteady.length} of them at the second try` : "";
  return [
    ...unsteady.map(
      (failure) => `Failed once, passed at the second try:\n${formatFailure(failure)}\n`,
    ),
    ...failures.map((failure) => `${formatFailure(failure)}\n`),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    `${passed} passed${secondTry}, ${failed} failed`,
  ].join("\n");
}

/** One line of the closing table. */
export function formatSummary(name: string, counts: Counts, durationMs: number): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const seconds = (durationMs / 1000).toFixed(0);
  return `${counts.failed > 0 ? "✗" : "✓"} ${name}: ${counts.passed} passed, ${counts.failed} failed${skipped} (${seconds} s)`;
}
