// SPDX-License-Identifier: Apache-2.0
// The siege in a virtual machine; started by main.ts.
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { parseArgs } from "node:util";
import { guardsFor } from "./guards.ts";
import { siege } from "./siege.ts";
import { finalTable, newTally, progressLine } from "./tally.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "1000000" },
    minutes: { type: "string", default: "60" },
    repeat: { type: "string", default: "" },
  },
});
const started = performance.now();
const kernel = release().split(".").slice(0, 2).join(".");
const out = existsSync("/out") ? "/out" : "/tmp";
let tally = newTally();
const progress = setInterval(
  () => console.log(progressLine(tally, performance.now() - started)),
  30_000,
);
try {
  tally = await siege({
    seed: Number(values.seed),
    guards: guardsFor(kernel),
    steps: Number(values.steps),
    durationMs: Number(values.minutes) * 60_000,
    log: (line) => {
      const time = `[${Math.round((performance.now() - started) / 1000)} s]`;
      appendFileSync(`${out}/steps.log`, `${time} ${line}\n`);
      if (!/^step |^ /.test(line)) console.log(`${time} ${line}`);
    },
    onStart: (itsTally) => {
      tally = itsTally;
    },
  });
} catch (error) {
  const what = `the siege itself failed: ${error instanceof Error ? error.stack : error}`;
  tally.violations.push({ step: tally.step, what });
} finally {
  clearInterval(progress);
}
console.log(progressLine(tally, performance.now() - started));
console.log(finalTable(tally, values.repeat));
const report = {
  ...tally,
  rows: Object.fromEntries(tally.rows),
  seed: Number(values.seed),
  kernel,
};
writeFileSync(`${out}/siege.json`, JSON.stringify(report));
// Programs of the siege may still run.
process.exit(tally.violations.length > 0 ? 1 : 0);
