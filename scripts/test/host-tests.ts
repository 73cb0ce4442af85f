// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Counts, countsOfRunner, type Failure } from "./counts.ts";
import { runCommand } from "./run-command.ts";
import { afterSecondTry, forSecondTry } from "./second-try.ts";
import type { TimedFile } from "./slowest.ts";

/** The fields used of vitest's JSON report. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly startTime: number;
    readonly endTime: number;
    /** Of the file: why it could not be loaded. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

export interface HostTestOptions {
  /** Path of vitest's configuration; without it, that of the workspace. */
  readonly config?: string;
  /** None: all. */
  readonly files?: readonly string[];
}

export interface HostTestReport {
  readonly counts: Counts;
  readonly results: readonly TimedFile[];
}

/** Runs vitest; its progress goes to this process's output. */
export async function hostTests({
  config,
  files = [],
}: HostTestOptions = {}): Promise<HostTestReport> {
  const args = config === undefined ? [] : ["--config", config];
  const first = await runVitest([...args, ...files]);
  const failed = new Set(first.counts.failures.map(({ file }) => file));
  const again = forSecondTry([...failed]);
  if (again.length === 0) return first;
  console.log(`\nOnce more, as they failed: ${again.join(" ")}`);
  const second = await runVitest([...args, ...again]);
  return { ...first, counts: afterSecondTry(first.counts, second.counts) };
}

async function runVitest(args: readonly string[]): Promise<HostTestReport> {
  const directory = await mkdtemp(join(tmpdir(), "gander-test-"));
  try {
    const file = join(directory, "vitest.json");
    const status = await runCommand("pnpm", [
      ...["exec", "vitest", "run", "--reporter=default", "--reporter=json"],
      `--outputFile.json=${file}`,
      ...args,
    ]);
    const report = await readFile(file, "utf8").then(
      (text): VitestReport => JSON.parse(text),
      () => undefined,
    );
    return {
      counts: countsOfRunner("vitest", report && countVitest(report), status),
      results: (report?.testResults ?? []).map(({ name, startTime, endTime }) => ({
        file: relative(".", name),
        durationMs: endTime - startTime,
      })),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A file that could not even be loaded has no failed test, and is one failure. */
export function countVitest(report: VitestReport): Counts {
  const brokenFiles = report.testResults.filter(
    (file) =>
      file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
    unsteady: [],
    failures: [
      ...report.testResults.flatMap(failedTests),
      ...brokenFiles.map(({ name, message }) => ({
        file: relative(".", name),
        test: "the file",
        message,
      })),
    ],
  };
}

function failedTests({ name, assertionResults }: VitestReport["testResults"][number]): Failure[] {
  return assertionResults
    .filter((test) => test.status === "failed")
    .map((test) => ({
      file: relative(".", name),
      test: test.fullName,
      message: test.failureMessages?.join("\n") ?? "",
    }));
}
