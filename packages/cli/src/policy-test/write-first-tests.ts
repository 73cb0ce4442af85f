// SPDX-License-Identifier: Apache-2.0
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { clusterStandIns, formatProblems } from "@gander/policy";
import { checkFiles } from "../check/check-files.ts";
import type { FileReport } from "../check/file-report.ts";
import { quoteSentence } from "../events/quote.ts";
import type { Io } from "../io.ts";

/** Writes a gander-test.yaml beside each policy: 0 if all were written, 1 if a policy has errors or a test is there. */
export async function writeFirstTests(paths: readonly string[], io: Io): Promise<0 | 1 | 2> {
  const reports = await checkFiles(paths, io, () => []);
  const problems = reports.flatMap((report) => report.problems);
  const errors = problems.filter(({ severity }) => severity === "error");
  io.stderr.write(formatProblems(errors, { color: false }));
  let status: 0 | 1 | 2 = errors.length > 0 ? 1 : 0;
  const withSets = reports.filter(({ sets = [] }) => sets.length > 0).map(({ file }) => file);
  for (const report of reports.filter(({ policies }) => policies.length > 0))
    if (!(await writeOne(report, withSets, io))) status = 1;
  return status;
}

async function writeOne(
  { file, policies }: FileReport,
  withSets: readonly string[],
  io: Io,
): Promise<boolean> {
  const { firstTest } = await import("@gander/policy-test/reference");
  const compiled = policies.map((policy) => policy.compiled);
  const name = compiled[0]?.name ?? "policy";
  const used = policies.flatMap(({ setUses = [] }) => setUses.map(({ set }) => set));
  const others = used.length === 0 ? [] : withSets.filter((other) => other !== file);
  const files = [...others.map((other) => relative(dirname(file), other)), basename(file)];
  const sets = Object.fromEntries(clusterStandIns(policies).map((set) => [set.name, set.values]));
  const { text, cases, missing } = firstTest(compiled, { name, files, sets });
  const path = join(dirname(file), "gander-test.yaml");
  try {
    // A test that somebody has written stays.
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    const why = code === "EEXIST" ? "it is there already" : code;
    io.stderr.write(`${quoteSentence(`Cannot write ${path}: ${why}`)}\n`);
    return false;
  }
  io.stdout.write(`${quoteSentence(`${path}: ${cases} case${cases === 1 ? "" : "s"}`)}\n`);
  for (const selector of missing)
    io.stdout.write(`${quoteSentence(`  no case was found for ${selector}: write one`)}\n`);
  return true;
}
