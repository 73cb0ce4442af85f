// SPDX-License-Identifier: Apache-2.0
import type { Instruments } from "./instrument.ts";

/** The metrics of one program as a table for docs/metrics.md. */
export function metricsTable(instruments: Instruments): string {
  const rows = Object.entries(instruments)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { kind, help, labels = {} }]) => {
      const named = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
      return `| \`${name}\` | ${kind} | ${named.join("; ")} | ${help} |`;
    });
  return ["| metric | kind | labels | meaning |", "|---|---|---|---|", ...rows].join("\n");
}
