// SPDX-License-Identifier: Apache-2.0
// Runs kernel tests in virtual machines:
//   node e2e/kernel-tests.ts [--kernel VERSION]… [--all] [--together] [--record] [FILE…]
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatSlowest } from "../scripts/test/slowest.ts";
import { durationsFile, readDurations } from "./kernel-tests.d/groups.ts";
import type { FileResult } from "./kernel-tests.d/guest-run.ts";
import { kernelTests } from "./kernel-tests.d/kernel-tests.ts";
import { kernels } from "./kernel-tests.d/plan.ts";

const { values, positionals } = parseArgs({
  options: {
    kernel: { type: "string", multiple: true },
    /** Also on a kernel that makes no difference to a file. */
    all: { type: "boolean", default: false },
    /** In one guest, in this order. */
    together: { type: "boolean", default: false },
    /** Write how long each file took to durations.json. */
    record: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const report = await kernelTests({
  kernels: values.kernel ?? kernels,
  files: positionals,
  matrix: values.all ? "full" : "needed",
  guests: values.together ? "one" : "planned",
});
if (values.record) record(report.results);
if (report.results.length > 1) console.log(`\n${formatSlowest(report)}\n`);
for (const [kernel, counts] of report.countsOf)
  console.log(`kernel ${kernel}: ${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = report.counts.failed > 0 || report.counts.passed === 0 ? 1 : 0;

/** Of two kernels the longer time counts. */
function record(results: readonly FileResult[]): void {
  const durations: Record<string, number> = {};
  for (const { file, cpuMs } of results)
    durations[file] = Math.max(durations[file] ?? 1, Math.round(cpuMs / 1000));
  const all = Object.entries({ ...readDurations(), ...durations }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  writeFileSync(durationsFile, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`);
}
