// SPDX-License-Identifier: Apache-2.0
import { stringify } from "yaml";
import { type DiffLine, lineDiff } from "./line-diff.ts";

/** The same for the same content, whatever the order of keys was. */
function specText(spec: unknown): string {
  return stringify({ spec }, { sortMapEntries: true, lineWidth: 0 });
}

export function specDiff(before: unknown, after: unknown): readonly DiffLine[] {
  return lineDiff(linesOf(before), linesOf(after));
}

/** Lines that came and went: `+2 -1`. */
export function changeText(lines: readonly DiffLine[]): string {
  const count = (wanted: string) => lines.filter(({ mark }) => mark === wanted).length;
  const [come, gone] = [count("+"), count("-")];
  return come + gone === 0 ? "same" : `+${come} -${gone}`;
}

const linesOf = (spec: unknown) => specText(spec).trimEnd().split("\n");
