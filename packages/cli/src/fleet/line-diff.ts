// SPDX-License-Identifier: Apache-2.0

/** A line of one text, of the other, or of both. */
export type DiffLine = { readonly mark: " " | "-" | "+"; readonly text: string };

/** More lines than this, between equal beginnings and ends, are shown as all removed and all added. */
const comparedLines = 4_000;

/** The fewest lines that go and come between two texts (longest common subsequence). */
export function lineDiff(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail += 1;
  return [
    ...before.slice(0, head).map(same),
    ...between(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

/** As `diff -u` shows it: changed lines with three around them, and where that is. */
export function unifiedDiff(lines: readonly DiffLine[], around = 3): readonly string[] {
  const shown = lines.map((_, at) =>
    lines.slice(Math.max(0, at - around), at + around + 1).some(({ mark }) => mark !== " "),
  );
  const result: string[] = [];
  let [oldLine, newLine] = [1, 1];
  for (const [at, { mark, text }] of lines.entries()) {
    if (shown[at] === true) {
      if (shown[at - 1] !== true) result.push(hunkHead(lines, shown, at, oldLine, newLine));
      result.push(`${mark}${text}`);
    }
    if (mark !== "+") oldLine += 1;
    if (mark !== "-") newLine += 1;
  }
  return result;
}

function hunkHead(
  lines: readonly DiffLine[],
  shown: readonly boolean[],
  from: number,
  oldLine: number,
  newLine: number,
): string {
  let to = from;
  while (shown[to] === true) to += 1;
  const count = (without: string) =>
    lines.slice(from, to).filter(({ mark }) => mark !== without).length;
  return `@@ -${oldLine},${count("+")} +${newLine},${count("-")} @@`;
}

const same = (text: string): DiffLine => ({ mark: " ", text });

function between(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const gone = before.map((text): DiffLine => ({ mark: "-", text }));
  const come = after.map((text): DiffLine => ({ mark: "+", text }));
  if (before.length === 0 || after.length === 0 || before.length + after.length > comparedLines)
    return [...gone, ...come];
  // common[i][j]: how many lines before[i…] and after[j…] have in common, at most.
  const width = after.length + 1;
  const common = new Uint16Array((before.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const result: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const [old = "", next = ""] = [before[i], after[j]];
    if (old === next) {
      result.push(same(old));
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) result.push({ mark: "-", text: before[i++] ?? "" });
    else result.push({ mark: "+", text: after[j++] ?? "" });
  }
  return [...result, ...gone.slice(i), ...come.slice(j)];
}
