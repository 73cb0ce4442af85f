// SPDX-License-Identifier: Apache-2.0

export interface TimedFile {
  readonly file: string;
  /** Undefined for tests on this machine. */
  readonly kernel?: string;
  readonly durationMs: number;
  /** Undefined where it is not known. */
  readonly cpuMs?: number;
}

export interface TimedReport {
  readonly results: readonly TimedFile[];
  readonly guests: number;
  readonly overheadMs: number;
}

export const noTimes: TimedReport = { results: [], guests: 0, overheadMs: 0 };

const SHOWN = 20;
const seconds = (ms: number | undefined) =>
  (ms === undefined ? "" : (ms / 1000).toFixed(0)).padStart(6);
const minutes = (ms: number) => (ms / 60_000).toFixed(1);

/** A table of the files that took longest, and what all took together. */
export function formatSlowest({ results, guests, overheadMs }: TimedReport): string {
  const slowest = results.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, SHOWN);
  const cpuMs = results.reduce((sum, result) => sum + (result.cpuMs ?? 0), overheadMs);
  return [
    "The slowest files (seconds, seconds of CPU time, kernel):",
    ...slowest.map(
      ({ file, kernel = "", durationMs, cpuMs }) =>
        `${seconds(durationMs)}${seconds(cpuMs)}  ${kernel.padEnd(5)} ${file}`,
    ),
    ...(guests === 0
      ? []
      : [
          `In guests: ${minutes(cpuMs)} minutes of CPU time; ${guests} guests took ${minutes(overheadMs)} of them to boot and end.`,
        ]),
  ].join("\n");
}
