// SPDX-License-Identifier: Apache-2.0
import type { Problem, Severity } from "@gander/base";
import { summary } from "@gander/policy";
import { quoteSentence } from "../events/quote.ts";
import { fileLocation } from "./file-location.ts";
import type { FileReport } from "./file-report.ts";

/**
 * Workflow commands that GitHub shows at the lines of a change (at most ten of each severity a step;
 * the log has them all). Every line is such a command or made of numbers: nothing that a file is called
 * or holds can begin a line, which the runner would obey.
 * Source: docs.github.com, "Workflow commands for GitHub Actions"; actions/runner, ActionCommand.
 */
export function githubReport(reports: readonly FileReport[], root: string): string {
  const lines = reports.flatMap((report) =>
    report.problems.map((problem) => annotation(problem, fileLocation(report, root))),
  );
  const policies = reports.reduce((sum, report) => sum + report.policies.length, 0);
  const problems = reports.flatMap((report) => report.problems);
  return [
    ...lines,
    `${reports.length} files, ${policies} policies without an error, ${summary(problems)}`,
    "",
  ].join("\n");
}

const commands: Readonly<Record<Severity, string>> = {
  error: "error",
  warning: "warning",
  note: "notice",
};

function annotation(problem: Problem, file: string | undefined): string {
  const { severity, line, column, code, message, hint } = problem;
  const place = line > 0 ? { line: String(line), col: String(column) } : {};
  const properties = { ...(file === undefined ? {} : { file, ...place }), title: code };
  const texts = Object.entries(properties).map(([name, text]) => `${name}=${property(text)}`);
  const where = file === undefined && line > 0 ? `Line ${line}, column ${column}: ` : "";
  const told = [`${where}${message}`, hint].filter((text) => text !== "");
  return `::${commands[severity]} ${texts.join(",")}::${told.map(data).join("%0A")}`;
}

/** A value in front of the second `::`, where comma and colon would end it. */
function property(text: string): string {
  // A path stays unescaped: escaped for people, it would name no file.
  return percent(text, /[%\p{Cc}\p{Cf}\p{Zl}\p{Zp}:,]/gu);
}

function data(text: string): string {
  return percent(quoteSentence(text), /%/g);
}

/** The runner takes back %25, %0D, %0A, %3A and %2C; others stay harmless text. */
function percent(text: string, special: RegExp): string {
  return text.replace(special, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
