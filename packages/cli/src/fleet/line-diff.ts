// SPDX-License-Identifier: Apache-2.0
import { diffArrays, structuredPatch } from "diff";

/** A line of one text, of the other, or of both. */
export type DiffLine = { readonly mark: " " | "-" | "+"; readonly text: string };

/** If more lines than this differ, all are shown as removed and added. */
const maxEditLength = 4_000;

/** The fewest lines that are removed and added between two texts. */
export function lineDiff(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const changes = diffArrays([...before], [...after], { maxEditLength }) ?? [
    { value: [...before], removed: true, added: false },
    { value: [...after], removed: false, added: true },
  ];
  return changes.flatMap(({ value, added, removed }) =>
    value.map((text): DiffLine => ({ mark: added ? "+" : removed ? "-" : " ", text })),
  );
}

/** As `diff -u` shows it: changed lines with three around them, and where that is. */
export function unifiedDiff(lines: readonly DiffLine[]): readonly string[] {
  const without = (mark: string) => lines.filter((line) => line.mark !== mark);
  const textOf = (some: readonly DiffLine[]) => some.map(({ text }) => `${text}\n`).join("");
  const [before, after] = [without("+"), without("-")];
  const options = { context: 3, maxEditLength };
  const patch = structuredPatch("", "", textOf(before), textOf(after), "", "", options);
  if (patch === undefined)
    return [
      `@@ -1,${before.length} +1,${after.length} @@`,
      ...lines.map(({ mark, text }) => `${mark}${text}`),
    ];
  return patch.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines,
  ]);
}
