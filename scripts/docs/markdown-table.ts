// SPDX-License-Identifier: Apache-2.0

/** A table; what stands between the columns of a cell is escaped. */
export const markdownTable = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");

export const code = (word: string): string => `\`${word}\``;

export const codes = (words: readonly string[]): string => words.map(code).join(" ");
