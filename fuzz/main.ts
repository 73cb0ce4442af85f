// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { FuzzResult } from "./src/fuzz.ts";
import type { WorkerTask } from "./src/worker.ts";
import { nativeTargets, targets as parsers } from "./targets/index.ts";

const targets = [...parsers, ...nativeTargets];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    input: { type: "string" },
  },
});

/** An input that does not return within this time is a finding. */
const hangMs = 30_000;
const roomBytes = 64 * 1024;

const names = positionals.length > 0 ? positionals : targets.map(({ name }) => name);
if (values.input !== undefined) again(names[0] ?? "", values.input);
else process.exitCode = await all(names);

/** Runs one saved input. */
function again(name: string, file: string): void {
  const outcome = targets.find((one) => one.name === name)?.run(readFileSync(file));
  console.log(outcome ?? `There is no target ${name}`);
}

async function all(some: readonly string[]): Promise<number> {
  let found = 0;
  for (const name of some) {
    const seed = Number(values.seed);
    console.log(`${name}: seed ${seed}, ${values.minutes} minutes`);
    const { runs, outcomes, finding } = await runOne(name, seed);
    console.log(`${name}: ${runs} inputs, ${outcomes} kinds of outcome`);
    if (finding === undefined) continue;
    found++;
    console.log(`${name}: ${finding.what}\n${save(name, Buffer.from(finding.input))}`);
  }
  return found === 0 ? 0 : 1;
}

async function runOne(name: string, seed: number): Promise<FuzzResult> {
  const current = new SharedArrayBuffer(8 + roomBytes);
  const state = new Int32Array(current, 0, 2);
  const task: WorkerTask = { name, seed, forMs: Number(values.minutes) * 60_000, current };
  const worker = new Worker(new URL("./src/worker.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  const { promise, resolve } = Promise.withResolvers<FuzzResult>();
  const stuck = (what: string) => {
    const input = Buffer.from(new Uint8Array(current, 8, state[1]));
    resolve({ runs: state[0] ?? 0, outcomes: 0, finding: { input, what } });
  };
  let last = -1;
  const watch = setInterval(() => {
    if (state[0] === last && last > 0) stuck(`did not come back within ${hangMs} ms`);
    last = state[0] ?? 0;
  }, hangMs);
  worker.once("message", resolve);
  worker.once("error", (error) => stuck(String(error)));
  const result = await promise;
  clearInterval(watch);
  await worker.terminate();
  return result;
}

function save(name: string, input: Buffer): string {
  const hash = createHash("sha256").update(input).digest("hex").slice(0, 12);
  const file = `build/fuzz/${name}-${hash}`;
  mkdirSync("build/fuzz", { recursive: true });
  writeFileSync(file, input);
  return `Saved in ${file}; again: node fuzz/main.ts ${name} --input ${file}`;
}
