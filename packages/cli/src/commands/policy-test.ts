// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { GanderError, type Problem } from "@gander/base";
import { type LoadedTest, loadPolicyTest } from "@gander/policy-test";
import type { CaseResult } from "@gander/policy-test/live";
import { exitStatus, type FileReport } from "../check/file-report.ts";
import { reportFormats } from "../check/report-formats.ts";
import { defineCommand } from "../define-command.ts";
import { quoteSentence } from "../events/quote.ts";
import { explainError } from "../explain-error.ts";
import type { Io } from "../io.ts";

/** `gander policy test PATH…`: 0 if all cases end as expected, 1 if not, 2 if a test could not be read or run. */
export const policyTest = defineCommand({
  command: "gander policy test",
  summary:
    "Tries policies on this machine's kernel. The cases of a gander-test.yaml are really done, one after the other, each in a container of its own; the policies are in force for these containers alone. It needs root and what a sensor needs; a sensor that runs here is not affected. Exit status: 0 if every case ends as it is expected to, 1 if not, 2 if a test could not be read or run.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: Object.keys(reportFormats),
      short: "o",
      help: "text is for people, json has everything; github: annotations in a GitHub workflow, sarif: a log for code scanning (SARIF 2.1.0), junit: a test report (XML).",
      flagOnly: true,
    },
    kernel: {
      type: "text",
      default: "live",
      values: ["live"],
      help: "Where the cases are done. live: on this machine.",
      flagOnly: true,
    },
    quiet: {
      type: "boolean",
      default: false,
      short: "q",
      help: "Print only cases that do not end as expected.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "PATH…",
    help: "Files named gander-test.yaml, or directories that have some (searched recursively).",
    min: 1,
    max: 10_000,
  },
  examples: [
    "gander policy test policies/shells/reverse-shells",
    "gander policy test policies/",
    "gander policy test -o junit policies/ > gander.xml",
  ],
  run: async ({ values, positionals }, io) => {
    const files = await findTests(positionals);
    const isText = values.output === "text";
    const reports = await runAll(files, io, isText && !values.quiet);
    if (reports instanceof GanderError) {
      io.stderr.write(`${explainError(reports)}\n`);
      return 2;
    }
    const options = { io, failOn: "error", quiet: isText || values.quiet } as const;
    io.stdout.write(reportFormats[values.output]?.(reports, options) ?? "");
    if (isText) io.stdout.write(summary(reports));
    return exitStatus(reports, "error");
  },
});

async function findTests(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    const names = isFolder ? await readdir(path, { recursive: true }) : [];
    const tests = names.filter((name) => /(^|\/)gander-test\.ya?ml$/.test(name)).sort();
    found.push(...(isFolder ? tests.map((name) => join(path, name)) : [path]));
  }
  return [...new Set(found)];
}

async function runAll(
  files: readonly string[],
  io: Io,
  tells: boolean,
): Promise<readonly FileReport[] | GanderError> {
  const loaded = files.map((file) => ({ file, ...loadPolicyTest(file) }));
  if (loaded.length === 0)
    return new GanderError("client-bad-input", "There is no gander-test.yaml below these paths", {
      hint: "Name a directory that has one beside its policies.",
    });
  const broken = loaded.map(({ file, problems = [] }) => reportOf(file, problems, []));
  if (loaded.every(({ value }) => value === undefined)) return broken;
  try {
    const { runLive, startTestNode } = await import("@gander/policy-test/live");
    await using node = await startTestNode();
    const reports: FileReport[] = [];
    for (const [i, { value }] of loaded.entries()) {
      const report = broken[i];
      if (value === undefined) {
        if (report) reports.push(report);
        continue;
      }
      const compiled = value.policies.map((policy) => policy.compiled);
      const results = await runLive(node, value.test, compiled);
      if (tells) io.stdout.write(resultsText(value, results));
      reports.push(judged(value, results));
    }
    return reports;
  } catch (error) {
    if (error instanceof GanderError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new GanderError("client-bad-input", `Cannot try policies here: ${message}`, {
      hint: "It needs root, and a kernel on which a sensor can run: see `gander run --help`.",
      cause: error,
    });
  }
}

const reportOf = (
  file: string,
  problems: readonly Problem[],
  cases: readonly string[],
): FileReport => ({
  ...{ file, problems, cases, origin: "file", source: "", policies: [] },
  state: problems.some(({ code }) => code === "client-bad-input") ? "unread" : "checked",
});

function judged({ file }: LoadedTest, results: readonly CaseResult[]): FileReport {
  const problems = results
    .filter(({ expected, verdict }) => expected !== verdict)
    .map(
      ({ name, line, expected, verdict, why }, i): Problem => ({
        ...{ file, path: `cases[${i}]`, line, column: 5, severity: "error" },
        ...{ code: "policy-test-failed", hint: "" },
        message:
          verdict === "invalid"
            ? `"${name}" cannot be judged: ${why}`
            : `"${name}" is ${verdict}, and is expected to be ${expected} (${why})`,
      }),
    );
  return reportOf(
    file,
    problems,
    results.map(({ name }) => name),
  );
}

function resultsText({ file, test }: LoadedTest, results: readonly CaseResult[]): string {
  const lines = results.map(({ name, expected, verdict }) =>
    expected === verdict
      ? `  ok    ${verdict.padEnd(8)}  ${name}`
      : `  WRONG ${verdict.padEnd(8)}  ${name}: expected ${expected}`,
  );
  return [`${test.metadata.name} (${file})`, ...lines, ""]
    .map((line) => `${quoteSentence(line)}\n`)
    .join("");
}

function summary(reports: readonly FileReport[]): string {
  const cases = reports.reduce((sum, one) => sum + (one.cases?.length ?? 0), 0);
  const wrong = reports.reduce((sum, { problems }) => sum + problems.length, 0);
  const verdict = wrong === 0 ? "all as expected" : `${wrong} not as expected`;
  return `${reports.length} tests, ${cases} cases: ${verdict}\n`;
}
