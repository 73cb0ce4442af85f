// SPDX-License-Identifier: Apache-2.0
import { styleText } from "node:util";
import type { Problem, Severity } from "@gander/base";

import { withoutUserinfo } from "./language/without-userinfo.ts";

type FormatOptions = {
  readonly color: boolean;
  /** The text of each file by name, to quote its lines; without it, positions are numbers. */
  readonly sources?: ReadonlyMap<string, string>;
};

/** Problems in a compiler's form: what, where, the line with a caret, what to write instead. */
export function formatProblems(
  problems: readonly Problem[],
  { color, sources }: FormatOptions,
): string {
  const paint: Paint = (style, text) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const lines = new Map([...(sources ?? [])].map(([file, text]) => [file, text.split(/\r?\n/)]));
  const blocks = problems.map((problem) =>
    formatProblem(problem, lines.get(problem.file)?.[problem.line - 1], paint),
  );
  return blocks.length === 0 ? "" : `${blocks.join("\n\n")}\n\n${summary(problems)}\n`;
}

/** `2 errors, 1 warning` */
export function summary(problems: readonly Problem[]): string {
  const parts: string[] = [];
  for (const severity of ["error", "warning", "note"] as const) {
    const count = problems.filter((problem) => problem.severity === severity).length;
    if (count > 0) parts.push(`${count} ${severity}${count === 1 ? "" : "s"}`);
  }
  return parts.length === 0 ? "no problems" : parts.join(", ");
}

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

const colors = { error: "red", warning: "yellow", note: "cyan" } as const satisfies Record<
  Severity,
  string
>;

function formatProblem(problem: Problem, line: string | undefined, paint: Paint): string {
  const { severity, code, line: number } = problem;
  const gutter = " ".repeat(String(number).length);
  const bar = paint("blue", "|");
  const out = [
    `${paint(["bold", colors[severity]], `${severity}[${code}]`)}${paint("bold", `: ${printable(problem.message)}`)}`,
  ];
  const place = placeOf(problem);
  if (place !== "") out.push(`${gutter}${paint("blue", "-->")} ${place}`);
  if (line !== undefined) {
    const { text, caret, width } = excerpt(withoutUserinfo(line), problem.column - 1);
    out.push(`${gutter} ${bar}`, `${paint("blue", String(number))} ${bar} ${text}`);
    out.push(`${gutter} ${bar} ${" ".repeat(caret)}${paint(colors[severity], "^".repeat(width))}`);
  }
  if (problem.hint !== "")
    out.push(
      `${gutter} ${paint("green", "=")} ${paint("bold", "help:")} ${printable(problem.hint)}`,
    );
  return out.join("\n");
}

function placeOf({ file, line, column, path }: Problem): string {
  const position = line > 0 ? `:${line}:${column}` : "";
  return [`${printable(file)}${position}`, printable(path)]
    .filter((part) => part !== "")
    .join("  ");
}

const excerptWidth = 110;

/** The part of a line around a column, with the caret's position and width in it. */
function excerpt(line: string, offset: number): { text: string; caret: number; width: number } {
  const column = Math.min(offset, line.length);
  const start = column > excerptWidth - 20 ? column - 40 : 0;
  const before = printable(line.slice(start, column));
  const word =
    /^("[^"]*"?|'[^']*'?|[^\s:,[\]{}#]+)/.exec(line.slice(column, column + 60))?.[0] ?? "";
  const cut = line.length > start + excerptWidth;
  const lead = start > 0 ? "…" : "";
  const text = `${lead}${printable(line.slice(start, start + excerptWidth))}${cut ? "…" : ""}`;
  return { text, caret: lead.length + before.length, width: Math.max(1, printable(word).length) };
}

/** Escapes what could move the cursor or change the order of the output. */
function printable(text: string): string {
  return text
    .replace(/\t/g, " ")
    .replace(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
      (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
    );
}
