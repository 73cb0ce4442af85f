// SPDX-License-Identifier: Apache-2.0
import { formatProblems } from "@gander/policy";
import { quoteSentence } from "../events/quote.ts";
import { type FailOn, type FileReport, isGood } from "./file-report.ts";

type TextReportOptions = {
  readonly quiet: boolean;
  readonly color: boolean;
  readonly failOn: FailOn;
};

/** For people: every problem with its line, then the files that are good. */
export function textReport(
  reports: readonly FileReport[],
  { quiet, color, failOn }: TextReportOptions,
): string {
  const problems = reports
    .flatMap((report) => report.problems)
    .filter(({ severity }) => !quiet || severity === "error" || severity === failOn);
  const sources = new Map(reports.map(({ file, source }) => [file, source]));
  return [
    formatProblems(problems, { color, sources }),
    ...(quiet ? [] : reports.filter((report) => isGood(report, failOn)).flatMap(goodNews)),
  ].join("");
}

function goodNews({ file, policies, sets = [], exceptions = [] }: FileReport): readonly string[] {
  const names = [
    ...policies.map(({ compiled }) => `${compiled.name} (mode ${compiled.mode})`),
    ...sets.map((name) => `${name} (a ValueSet)`),
    ...exceptions.map((name) => `${name} (an exception)`),
  ];
  if (names.length === 0) return [];
  return [`${quoteSentence(`${file}: ok: ${names.join(", ")}`)}\n`];
}
