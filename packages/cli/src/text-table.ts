// SPDX-License-Identifier: Apache-2.0

type TableOptions = {
  /** Columns of numbers. */
  readonly right?: readonly string[];
  /** How wide it may be; columns are left out until it fits. */
  readonly width?: number | undefined;
  /** Columns that can be left out, the least important first; those that say nothing go before. */
  readonly dispensable?: readonly string[];
};

type TextTable = {
  readonly text: string;
  /** Columns that found no room. */
  readonly leftOut: readonly string[];
};

/** Rows in columns as wide as their widest cell. */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { right = [], width = Number.POSITIVE_INFINITY, dispensable = [] }: TableOptions = {},
): TextTable {
  const all = [header, ...rows];
  const cells = (name: string) => all.map((row) => row[header.indexOf(name)] ?? "");
  const widthOf = (name: string) => Math.max(...cells(name).map((cell) => cell.length));
  const isIdle = (name: string) =>
    cells(name).every((cell, row) => row === 0 || /^[-0]?$/.test(cell));
  const candidates = [
    ...dispensable.filter(isIdle),
    ...dispensable.filter((name) => !isIdle(name)),
  ];
  const leftOut: string[] = [];
  const shown = () => header.filter((name) => !leftOut.includes(name));
  const total = () => shown().reduce((sum, name) => sum + widthOf(name) + 2, -2);
  for (const name of candidates) if (total() > width) leftOut.push(name);
  const columns = shown().map((name) => {
    const wide = widthOf(name);
    return cells(name).map((cell) =>
      right.includes(name) ? cell.padStart(wide) : cell.padEnd(wide),
    );
  });
  const line = (row: number) =>
    columns
      .map((column) => column[row] ?? "")
      .join("  ")
      .trimEnd();
  return { text: all.map((_, row) => line(row)).join("\n"), leftOut };
}
