// SPDX-License-Identifier: Apache-2.0
import type { CheckedPolicy } from "@gander/policy";
import { explainPolicy } from "@gander/policy/explain";
import { quoteSentence } from "../events/quote.ts";
import { explanationText } from "../explanation-text.ts";
import { type DiffLine, lineDiff, unifiedDiff } from "../fleet/line-diff.ts";
import type { Io } from "../io.ts";
import { changes } from "./compare-policies.ts";
import { incompleteText, recordingLine } from "./recording-text.ts";
import type { ReplayReport } from "./replay-policies.ts";
import { lackingText } from "./replay-report.ts";
import { beyondText, tallyTable } from "./tally-text.ts";

const shown = changes.filter((one) => one !== "unchanged");

export function compareText(report: ReplayReport, io: Io): string {
  const { file, header, summary, tally, lacking, gaps } = report;
  const counts = changes
    .filter((change) => change === "unchanged" || tally.total(change) > 0)
    .map((change) => `${tally.total(change)} ${change}`)
    .join("; ");
  const table = tallyTable(tally.rows(shown), io);
  return [
    `${recordingLine(file, header, summary)}\n${counts}\n`,
    table === "" ? "" : `\n${table}`,
    beyondText(tally),
    lackingText(lacking),
    gaps.length === 0 ? "" : `\n${incompleteText(gaps)}`,
  ].join("");
}

export function compareJson({ file, header, summary, tally, lacking, gaps }: ReplayReport) {
  const { node, from, namespaces, pods } = header;
  return {
    recording: { file, node, from, ...summary, namespaces, pods },
    totals: Object.fromEntries(changes.map((change) => [change, tally.total(change)])),
    changes: tally.rows(shown),
    callsWithoutRow: tally.beyond,
    unknown: Object.fromEntries(lacking),
    complete: gaps.length === 0,
    gaps,
  };
}

/** What changes in the sentences that explain policies. */
export function sentenceChanges(
  before: readonly CheckedPolicy[],
  after: readonly CheckedPolicy[],
): readonly DiffLine[] {
  const sentences = (policies: readonly CheckedPolicy[]) =>
    policies.flatMap(({ compiled, named }) =>
      explanationText(explainPolicy(compiled, named)).trimEnd().split("\n"),
    );
  return lineDiff(sentences(before), sentences(after));
}

export function sentenceText(
  lines: readonly DiffLine[],
  [older, newer]: readonly [string, string],
): string {
  if (lines.every(({ mark }) => mark === " ")) return "The policies say the same.\n";
  const text = unifiedDiff(lines).join("\n");
  return `${quoteSentence(`--- ${older}`)}\n${quoteSentence(`+++ ${newer}`)}\n${text}\n`;
}
