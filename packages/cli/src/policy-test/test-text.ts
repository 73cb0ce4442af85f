// SPDX-License-Identifier: Apache-2.0
import { styleText } from "node:util";
import { formatProblems } from "@gander/policy";
import type { CaseResult } from "@gander/policy-test";
import type { FileReport } from "../check/file-report.ts";
import { quoteSentence } from "../events/quote.ts";

type TestTextOptions = { readonly color: boolean; readonly quiet: boolean };

/** For people: each case in a line, below a wrong one the call that decided. */
export function testText(
  reports: readonly FileReport[],
  { color, quiet }: TestTextOptions,
): string {
  const paint: Paint = (style, text) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const broken = reports.filter(({ name }) => name === undefined);
  const unreadable = formatProblems(
    broken.flatMap(({ problems }) => problems),
    { color },
  );
  const tests = reports.filter(({ name }) => name !== undefined);
  const blocks = tests.map((report) => testBlock(report, paint, quiet));
  return `${unreadable === "" ? "" : `${unreadable}\n`}${blocks.join("")}${summaryLine(reports)}\n`;
}

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

function testBlock({ name, file, cases = [] }: FileReport, paint: Paint, quiet: boolean): string {
  const shown = cases.filter(
    ({ verdict, expected, model }) => !quiet || verdict !== expected || model !== undefined,
  );
  if (shown.length === 0) return "";
  const lines = shown.flatMap((one) => caseLines(one, paint));
  return [quoteSentence(`${name} (${file})`), ...lines, ""].map((line) => `${line}\n`).join("");
}

const margin = " ".repeat(10);

function caseLines(result: CaseResult, paint: Paint): readonly string[] {
  const { name, expected, verdict, decision, why, trace = [], model } = result;
  const isAsExpected = verdict === expected;
  const mark = isAsExpected
    ? paint("green", "ok")
    : verdict === "undecided"
      ? paint("yellow", "??")
      : paint("red", "WRONG");
  const width = isAsExpected || verdict === "undecided" ? "      " : "   ";
  const by = decision === undefined ? "" : `  (${decision.hook}, selector ${decision.selector})`;
  const first = `  ${mark}${width}${verdict.padEnd(9)}  ${quoteSentence(name)}`;
  const wanted = isAsExpected || verdict === "undecided" ? "" : `: expected ${expected}`;
  const lines = [
    ...(isAsExpected ? [] : [why, ...trace]),
    ...(model ? [`DIFFERS: without a kernel it is ${model.verdict}`, model.why] : []),
    ...(model?.trace ?? []),
  ];
  const end = isAsExpected ? quoteSentence(by) : wanted;
  return [first + end, ...lines.map((line) => `${margin}${quoteSentence(line)}`)];
}

function summaryLine(reports: readonly FileReport[]): string {
  const results = reports.flatMap(({ cases = [] }) => cases);
  const wrong = results.filter(
    ({ verdict, expected }) => verdict !== expected && verdict !== "undecided",
  ).length;
  const undecided = results.filter(({ verdict }) => verdict === "undecided").length;
  const different = results.filter(({ model }) => model !== undefined).length;
  const broken = reports.filter(({ name }) => name === undefined).length;
  const parts = [
    ...(wrong > 0 ? [`${wrong} not as expected`] : []),
    ...(undecided > 0 ? [`${undecided} not decided`] : []),
    ...(broken > 0 ? [`${count(broken, "file")} without a test that can be run`] : []),
  ];
  const verdict = parts.length === 0 ? "all as expected" : parts.join(", ");
  const other = different === 0 ? "" : `; ${different} otherwise than without a kernel`;
  return `${count(reports.length - broken, "test")}, ${count(results.length, "case")}: ${verdict}${other}`;
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
