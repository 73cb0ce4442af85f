// SPDX-License-Identifier: Apache-2.0
// `make test`: builds, checks and tests everything, and closes with "N passed, N failed".
import { kernelTests } from "../../e2e/kernel-tests.d/kernel-tests.ts";
import { checkCommand } from "./check-command.ts";
import { addCounts, type Counts, formatFailure, formatSummary, noCounts } from "./counts.ts";
import { hostTests } from "./host-tests.ts";

interface Stage {
  readonly name: string;
  readonly run: () => Promise<Counts>;
  /** Without it, nothing after it can work. */
  readonly required?: boolean;
}

const stages: readonly Stage[] = [
  { name: "build", run: () => checkCommand("make", ["build"]), required: true },
  { name: "lint", run: () => checkCommand("pnpm", ["exec", "biome", "check", "."]) },
  { name: "types", run: () => checkCommand("pnpm", ["exec", "tsc", "--noEmit"]) },
  { name: "tests on this machine", run: hostTests },
  { name: "tests on kernel 6.1", run: () => kernelTests({ kernel: "6.1", files: [] }) },
  { name: "tests on kernel 6.12", run: () => kernelTests({ kernel: "6.12", files: [] }) },
];

let total = noCounts;
const lines: string[] = [];
for (const stage of stages) {
  console.log(`\n== ${stage.name}`);
  const started = performance.now();
  const counts = await stage.run();
  total = addCounts(total, counts);
  lines.push(formatSummary(stage.name, counts, performance.now() - started));
  if (stage.required && counts.failed > 0) break;
}
for (const failure of total.failures) console.log(`\n${formatFailure(failure)}`);
console.log(`\n${lines.join("\n")}`);
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
