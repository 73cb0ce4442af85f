// SPDX-License-Identifier: Apache-2.0
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { addCounts, type Counts, formatSummary, noCounts } from "../../scripts/test/counts.ts";
import { afterSecondTry, forSecondTry } from "../../scripts/test/second-try.ts";
import { GroupQueue } from "./group-queue.ts";
import { type Group, groupFiles, longestFirst, readDurations } from "./groups.ts";
import { type FileResult, repository, runInGuest } from "./guest-run.ts";
import { alone, isNamed, runsOn } from "./plan.ts";

export interface KernelTestOptions {
  readonly kernels: readonly string[];
  /** Test files, for all these kernels; none means all that depend on the kernel, and on the newest all. */
  readonly files: readonly string[];
  /** `full`: all files on all kernels (`make test-all`). */
  readonly matrix: "needed" | "full";
  /** `one`: all files in one guest a kernel, in the order given: to look for what they do to each other. */
  readonly guests: "planned" | "one";
}

export interface KernelTestReport {
  readonly counts: Counts;
  readonly countsOf: ReadonlyMap<string, Counts>;
  readonly results: readonly FileResult[];
  readonly guests: number;
  /** CPU time of booting guests and ending them. */
  readonly overheadMs: number;
}

/** How long after the deadline a second try may begin. */
const SECOND_TRY_MS = 4 * 60_000;

/** A guest that does not answer, as its kernel hangs. in-guest.ts ends a single file before that. */
const GUEST_TIMEOUT_SECONDS = 30 * 60;

/**
 * GANDER_TEST_DEADLINE, in seconds since the epoch: on a slow machine, files that can't end before that are left
 * out, named and counted as skipped.
 */
const { GANDER_TEST_DEADLINE } = process.env;
const deadline =
  GANDER_TEST_DEADLINE === undefined ? undefined : Number(GANDER_TEST_DEADLINE) * 1000;

/**
 * Runs `*.kernel-test.ts` in guests, as many side by side as the machine has CPUs. Which file shares a guest
 * with others is the plan's (plan.ts). A guest that dies or hangs is a failure of the file that ran then;
 * the files after it have not run yet, and do in another guest. No file runs twice but for a second try.
 */
export async function kernelTests(options: KernelTestOptions): Promise<KernelTestReport> {
  const groups = planGroups(options);
  const isSingle = groups.length === 1 && groups[0]?.files.length === 1;
  const slots = availableParallelism();
  const queue = new GroupQueue(groups, { slots, deadline, first: options.kernels.at(-1) });
  const results: FileResult[] = [];
  let [guests, overheadMs] = [0, 0];
  const work = async () => {
    const next = () => queue.next(Date.now());
    for (let group = next(); group !== undefined; group = next()) {
      guests++;
      const began = Date.now();
      const run = await runInGuest(group, {
        timeoutSeconds: GUEST_TIMEOUT_SECONDS,
        onResult: showResult,
        // The output of one is shown as it comes; that of many would be mixed up.
        ...(isSingle ? { onOutput: (chunk: Buffer) => void process.stdout.write(chunk) } : {}),
      });
      results.push(...run.results);
      queue.note(group, (Date.now() - began) / 1000);
      overheadMs += run.overheadMs;
      if (run.remark !== undefined) console.log(run.remark);
      if (run.remaining.length > 0) queue.putBack({ ...group, files: run.remaining });
    }
  };
  await Promise.all(Array.from({ length: slots }, work));
  await tryAgain(results);
  const countsOf = new Map(
    options.kernels.map((kernel) => [kernel, sum(results.filter((r) => r.kernel === kernel))]),
  );
  const skipped = showLeftOut(queue.leftOut);
  const counts = addCounts(sum(results), { ...noCounts, skipped });
  return { counts, countsOf, results, guests, overheadMs };
}

/** Files that failed, each in a guest of its own with the machine to itself. */
async function tryAgain(results: FileResult[]): Promise<void> {
  for (const first of forSecondTry(results.filter(({ counts }) => counts.failed > 0))) {
    if (deadline !== undefined && Date.now() > deadline + SECOND_TRY_MS) return;
    const { file, kernel } = first;
    console.log(`\nOnce more, as it failed: ${file} on ${kernel}`);
    const group = { kernel, files: [file], expectedSeconds: 0 };
    const run = await runInGuest(group, {
      timeoutSeconds: GUEST_TIMEOUT_SECONDS,
      onResult: showResult,
    });
    const second = run.results[0]?.counts ?? noCounts;
    results[results.indexOf(first)] = { ...first, counts: afterSecondTry(first.counts, second) };
  }
}

/** @returns how many files that are. */
function showLeftOut(groups: readonly Group[]): number {
  const files = groups.flatMap(({ kernel, files }) => files.map((file) => `${file} on ${kernel}`));
  if (files.length > 0)
    console.log(`\nNot run, as the time was over (make test-all runs them):\n${files.join("\n")}`);
  return files.length;
}

function showResult({ file, kernel, counts, durationMs, cpuMs }: FileResult, output: Buffer): void {
  if (counts.failed > 0) process.stdout.write(output);
  const cpu = `CPU ${(cpuMs / 1000).toFixed(0)} s`;
  console.log(`${formatSummary(`${file} on ${kernel}`, counts, durationMs)}, ${cpu}`);
}

function planGroups({ kernels, files, matrix, guests }: KernelTestOptions): Group[] {
  const durations = readDurations();
  const chosen = files.map((file) => relative(repository, resolve(file)));
  const groups = kernels.flatMap((kernel) => {
    const all = chosen.length > 0 ? chosen : findKernelTests();
    const isNeeded = (file: string) => matrix === "full" || runsOn(kernel, file);
    const list = chosen.length > 0 ? chosen : all.filter(isNeeded);
    if (guests === "one") return [{ kernel, files: list, expectedSeconds: 0 }];
    return groupFiles(list, { kernel, durations, isAlone: (file) => isNamed(alone, file) });
  });
  return longestFirst(groups);
}

/** Paths below the repository. */
export function findKernelTests(): string[] {
  return globSync("{packages,e2e,bpf,bench}/**/*.kernel-test.ts", {
    cwd: repository,
    exclude: (path) => path.includes("node_modules"),
  }).sort();
}

function sum(results: readonly FileResult[]): Counts {
  return results.reduce((total, { counts }) => addCounts(total, counts), noCounts);
}
