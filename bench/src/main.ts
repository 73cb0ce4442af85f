// SPDX-License-Identifier: Apache-2.0
// Runs in the guest (bench/run starts it): measures, prints tables, writes JSON. Exit status 1 if
// a phase could not be measured.
import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import type { Phase } from "./phase.ts";
import { phases } from "./phases.ts";
import { formatFigures, type Report } from "./report.ts";

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
  },
});
const rounds = Number(values.rounds);
const scale = Number(values.scale);
const chosen = phases.filter(({ name }) => values.only.length === 0 || values.only.includes(name));

const figures: Figure[] = [];
const failures: Report["failures"][number][] = [];
for (const phase of chosen) {
  await measure(phase);
  // After each phase, so that a stopped machine leaves its figures so far.
  if (values.json !== undefined) writeReport(values.json);
}
process.exitCode = failures.length === 0 && figures.length > 0 ? 0 : 1;

function writeReport(path: string): void {
  const date = new Date().toISOString();
  const report: Report = { date, kernel: release(), rounds, figures, failures };
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}

async function measure(phase: Phase): Promise<void> {
  const log = (text: string) => process.stderr.write(`${phase.name}: ${text}\n`);
  try {
    const measured = await phase.measure({ rounds, scale, log });
    figures.push(...measured);
    process.stdout.write(`\n${phase.title} (${release()})\n\n${formatFigures(measured)}\n`);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    failures.push({ phase: phase.name, error: text });
    process.stderr.write(`Cannot measure ${phase.name}: ${text}\n`);
  }
}
