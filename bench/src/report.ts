// SPDX-License-Identifier: Apache-2.0
import { type Figure, isMet, type Unit } from "./figure.ts";

export type Report = {
  readonly date: string;
  /** `uname -r` of the guest. */
  readonly kernel: string;
  readonly rounds: number;
  readonly figures: readonly Figure[];
  /** Phases that could not be measured, and why. */
  readonly failures: readonly { readonly phase: string; readonly error: string }[];
};

/** A table for people: value, range of the samples, bar. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.what,
    formatValue(figure.value, figure.unit),
    formatSpread(figure),
    figure.bar === undefined ? "" : `≤ ${formatValue(figure.bar, figure.unit)}`,
    { true: "met", false: "MISSED", undefined: "" }[`${isMet(figure)}`] ?? "",
  ]);
  const header = ["", "median", "from … to", "bar", ""];
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(header), ...rows.map(line)].join("\n");
}

function formatSpread({ samples, unit }: Figure): string {
  if (samples.length < 2) return "";
  return `${formatValue(Math.min(...samples), unit)} … ${formatValue(Math.max(...samples), unit)}`;
}

export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case "instructions":
      return value >= 1e7 ? `${(value / 1e6).toFixed(1)} M` : thousands(value);
    case "bytes":
      return value >= 1 << 20 ? `${(value / (1 << 20)).toFixed(1)} MiB` : `${thousands(value)} B`;
    case "ns":
      return `${(value / 1e6).toFixed(2)} ms`;
    case "per second":
      return `${thousands(value)}/s`;
    case "events":
      return thousands(value);
  }
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en");
}
