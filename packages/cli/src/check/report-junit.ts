// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { quoteSentence } from "../events/quote.ts";
import { fileLocation } from "./file-location.ts";
import { type FailOn, type FileReport, isGood } from "./file-report.ts";

type JunitReportOptions = {
  readonly root: string;
  readonly failOn: FailOn;
};

/**
 * JUnit's XML, as GitLab, Jenkins and others read it: a suite for each file. In it a case for each
 * policy, or, if the file is not good, for each problem that makes it fail. The cases of a test are its own.
 */
export function junitReport(
  reports: readonly FileReport[],
  { root, failOn }: JunitReportOptions,
): string {
  const suites = reports.map((report) => suite(report, root, failOn));
  const inner = suites.map(({ xml }) => xml).join("");
  const command = reports.some(({ cases }) => cases !== undefined) ? "test" : "check";
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes({ name: `gander policy ${command}`, ...total(suites) })}>\n${inner}</testsuites>\n`;
}

type Counts = { readonly tests: number; readonly failures: number; readonly errors: number };

function suite(report: FileReport, root: string, failOn: FailOn): Counts & { xml: string } {
  const file = fileLocation(report, root);
  const common = { classname: report.file, ...(file === undefined ? {} : { file }) };
  const failing = report.problems.filter(
    ({ severity }) => severity === "error" || severity === failOn,
  );
  const others = report.problems.filter((problem) => !failing.includes(problem));
  const cases =
    report.name !== undefined
      ? testCases(report, failing, common)
      : isGood(report, failOn)
        ? goodCases(report).map(({ name, inside }) =>
            element("testcase", { name, ...common }, inside, "    "),
          )
        : failing.map((problem) => failure(problem, report, common));
  const counts = {
    tests: cases.length,
    failures: report.state === "unread" ? 0 : failing.length,
    errors: report.state === "unread" ? failing.length : 0,
  };
  const output = others.length === 0 ? "" : element("system-out", {}, told(others), "    ");
  const head = attributes({ name: report.file, ...counts, skipped: skippedIn(report) });
  return { ...counts, xml: `  <testsuite${head}>\n${cases.join("")}${output}  </testsuite>\n` };
}

function goodCases({ state, policies }: FileReport) {
  if (state === "other") return [{ name: "holds no policy", inside: "<skipped/>" }];
  return policies.map(({ compiled: { namespace, name } }) => ({
    name: namespace === "" ? name : `${namespace}/${name}`,
    inside: "",
  }));
}

const skippedIn = ({ state, cases = [], problems }: FileReport): number => {
  if (state === "other") return 1;
  const counted = new Set(
    problems.filter(({ severity }) => severity === "error").map(({ line }) => line),
  );
  return cases.filter(({ verdict, line }) => verdict === "undecided" && !counted.has(line)).length;
};

/** Those of a policy's test. */
function testCases(
  report: FileReport,
  failing: readonly Problem[],
  common: Readonly<Record<string, string>>,
): readonly string[] {
  return (report.cases ?? []).map(({ name, line, verdict }) => {
    const problem = failing.find((one) => one.line === line);
    if (problem !== undefined) return failure(problem, report, common, name);
    const inside = verdict === "undecided" ? "<skipped/>" : "";
    return element("testcase", { name, ...common, line: String(line) }, inside, "    ");
  });
}

function failure(
  problem: Problem,
  { state, file }: FileReport,
  common: Readonly<Record<string, string>>,
  of?: string,
): string {
  const { line, column, message, code } = problem;
  const name = of ?? (line > 0 ? `${line}:${column} ${message}` : message);
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  const text = [place, message, problem.hint].filter((part) => part !== "").map(escaped);
  const kind = state === "unread" ? "error" : "failure";
  const inside = element(kind, { message, type: code }, text.join("\n"), "");
  return element(
    "testcase",
    { name, ...common, ...(line > 0 ? { line: String(line) } : {}) },
    inside,
    "    ",
  );
}

function told(problems: readonly Problem[]): string {
  return problems
    .map(({ severity, line, column, message, hint }) =>
      escaped(`${severity} ${line}:${column}: ${message}${hint === "" ? "" : ` (${hint})`}`),
    )
    .join("\n");
}

function total(suites: readonly Counts[]): Counts {
  const sum = (name: keyof Counts) => suites.reduce((all, counts) => all + counts[name], 0);
  return { tests: sum("tests"), failures: sum("failures"), errors: sum("errors") };
}

/** `inside` is XML already. */
function element(
  name: string,
  values: Readonly<Record<string, string>>,
  inside: string,
  indent: string,
): string {
  const end = indent === "" ? "" : "\n";
  const head = `${indent}<${name}${attributes(values)}`;
  return inside === "" ? `${head}/>${end}` : `${head}>${inside}</${name}>${end}`;
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

/** XML 1.0 has no way at all to write most control characters: they are shown escaped. */
function escaped(text: string): string {
  return quoteSentence(text).replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
