// SPDX-License-Identifier: Apache-2.0

/**
 * What a test policy says of itself: `# ^ error CODE: part of the hint` with the caret below the
 * place in the line before, or `# @LINE:COLUMN error CODE: part of the hint`.
 */
export type Expectation = {
  readonly place: string;
  readonly severity: string;
  readonly code: string;
  readonly hint: string;
};

export function readExpectations(text: string): readonly Expectation[] {
  const found: Expectation[] = [];
  let lastLine = 0;
  for (const [i, line] of text.split("\n").entries()) {
    const below = /^#\s*\^ (?<severity>\w+) (?<code>[a-z0-9-]+):\s*(?<hint>.*)$/.exec(line)?.groups;
    const named = /^# @(?<place>\d+:\d+) (?<severity>\w+) (?<code>[a-z0-9-]+):\s*(?<hint>.*)$/.exec(
      line,
    )?.groups;
    const groups = below ?? named;
    if (!groups) lastLine = i + 1;
    else
      found.push({
        place: groups.place ?? `${lastLine}:${line.indexOf("^") + 1}`,
        severity: groups.severity ?? "",
        code: groups.code ?? "",
        hint: groups.hint ?? "",
      });
  }
  return found;
}
