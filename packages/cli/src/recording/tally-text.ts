// SPDX-License-Identifier: Apache-2.0
import type { ReadCall } from "@gander/policy-test/recording";
import { argumentText } from "../events/argument-text.ts";
import { columnsOf, type Io } from "../io.ts";
import { textTable } from "../text-table.ts";
import { cell } from "./recording-text.ts";
import type { Tallied, Tally } from "./tally.ts";

/** The rows of a report as a table; empty without any. */
export function tallyTable(rows: readonly Tallied[], io: Io): string {
  if (rows.length === 0) return "";
  const header = ["CALLS", "VERDICT", "HOOK", "BINARY", "POD", "EXAMPLE"];
  const cells = rows.map((row) => [
    ...[String(row.calls), row.verdict, cell(row.hook), cell(row.binary), cell(row.pod)],
    exampleText(row.example),
  ]);
  const { text } = textTable(header, cells, {
    right: ["CALLS"],
    width: columnsOf(io),
    dispensable: ["EXAMPLE", "POD"],
  });
  return `${text}\n`;
}

const maxExample = 60;

function exampleText(args: ReadCall["args"]): string {
  const text = args.flatMap((arg) => (arg === null ? [] : [argumentText(arg)])).join(" ");
  return text.length > maxExample ? `${text.slice(0, maxExample - 1)}…` : text || "-";
}

export function beyondText({ beyond }: Tally): string {
  return beyond === 0 ? "" : `${beyond} more calls are in rows that had no room here.\n`;
}
