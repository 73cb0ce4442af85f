// SPDX-License-Identifier: Apache-2.0
// `make test`: builds, checks and tests everything, and closes with "N passed, N failed". With --all
// (`make test-all`) every kernel test runs on every kernel, also where that can make no difference, some run on
// the kernel of Debian's backports, and a whole cluster is tested.
import { kernelTests } from "../../e2e/kernel-tests.d/kernel-tests.ts";
import { backports, kernels, onBackports } from "../../e2e/kernel-tests.d/plan.ts";
import { checkCommand } from "./check-command.ts";
import { addCounts, type Counts, formatSummary, formatTotal, noCounts } from "./counts.ts";
import { hostTests } from "./host-tests.ts";
import { formatSlowest, noTimes, type TimedReport } from "./slowest.ts";

interface Stage {
  readonly name: string;
  readonly run: () => Promise<StageReport>;
  /** Without it, nothing after it can work. */
  readonly required?: boolean;
}

interface StageReport extends Partial<TimedReport> {
  readonly counts: Counts;
}

const check = async (...[program, ...args]: [string, ...string[]]): Promise<StageReport> => ({
  counts: await checkCommand(program, args),
});
const all = process.argv.includes("--all");
const matrix = all ? "full" : "needed";
const wholeCluster = {
  config: "e2e/cluster/vitest.config.ts",
  files: ["real-cluster", "real-cluster-pods", "real-faults", "argocd"].map(
    (name) => `e2e/cluster/${name}.e2e.ts`,
  ),
};
const stages: readonly Stage[] = [
  { name: "build", run: () => check("make", "build"), required: true },
  { name: "lint", run: () => check("pnpm", "exec", "biome", "check", ".") },
  { name: "format of C", run: () => check("scripts/format-c", "--check") },
  { name: "types", run: () => check("pnpm", "exec", "tsc", "--noEmit") },
  { name: "tests on this machine", run: () => hostTests() },
  {
    name: `tests on kernels ${kernels.join(" and ")}`,
    run: () => kernelTests({ kernels, files: [], matrix, guests: "planned" }),
  },
  ...(all
    ? [
        {
          name: "tests on the kernel of backports",
          run: () =>
            kernelTests({ kernels: [backports], files: onBackports, matrix, guests: "planned" }),
        },
      ]
    : []),
  ...(all ? [{ name: "tests in a cluster", run: () => hostTests(wholeCluster) }] : []),
];

let total = noCounts;
let times = noTimes;
const lines: string[] = [];
for (const stage of stages) {
  console.log(`\n== ${stage.name}`);
  const started = performance.now();
  const { counts, results = [], guests = 0, overheadMs = 0 } = await stage.run();
  total = addCounts(total, counts);
  times = {
    results: [...times.results, ...results],
    guests: times.guests + guests,
    overheadMs: times.overheadMs + overheadMs,
  };
  lines.push(formatSummary(stage.name, counts, performance.now() - started));
  if (stage.required && counts.failed > 0) break;
}
console.log(`\n${formatSlowest(times)}`);
console.log(`\n${lines.join("\n")}\n\n${formatTotal(total)}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
