// SPDX-License-Identifier: Apache-2.0
import { quoteSentence } from "../events/quote.ts";
import type { Io } from "../io.ts";
import { incompleteText, recordingLine } from "./recording-text.ts";
import type { ReplayReport } from "./replay-policies.ts";
import { beyondText, tallyTable } from "./tally-text.ts";

const verdicts = ["killed", "denied", "reported", "unknown", "allowed"] as const;

/** Calls that are allowed without a word are only counted. */
const shown = verdicts.filter((one) => one !== "allowed");

export function replayText(report: ReplayReport, io: Io): string {
  const { file, header, summary, tally, notes, gaps } = report;
  const totals = verdicts.map((verdict) => `${tally.total(verdict)} ${verdict}`).join(", ");
  return [
    `${recordingLine(file, header, summary)}\n`,
    `${totals}\n`,
    ...notes.map((note) => `${note}\n`),
    ...[tallyTable(tally.rows(shown), io)].flatMap((table) => (table === "" ? [] : ["\n", table])),
    beyondText(tally),
    lackingText(report.lacking),
    gaps.length === 0 ? "" : `\n${incompleteText(gaps)}`,
  ].join("");
}

/** What unknown calls depend on. */
export function lackingText(lacking: ReadonlyMap<string, number>): string {
  if (lacking.size === 0) return "";
  const list = [...lacking].map(([what, calls]) => quoteSentence(`  - ${what}: ${calls} calls`));
  return `\nUnknown, because the recording does not have what filters ask for:\n${list.join("\n")}\n`;
}

export function replayJson(report: ReplayReport) {
  const { file, header, summary, tally, notes, gaps, lacking } = report;
  const { node, from, namespaces, pods } = header;
  return {
    recording: { file, node, from, ...summary, namespaces, pods },
    totals: Object.fromEntries(verdicts.map((verdict) => [verdict, tally.total(verdict)])),
    calls: tally.rows(verdicts),
    callsWithoutRow: tally.beyond,
    unknown: Object.fromEntries(lacking),
    notes,
    complete: gaps.length === 0,
    gaps,
  };
}
