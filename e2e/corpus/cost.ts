// SPDX-License-Identifier: Apache-2.0
// What the guard policies of the library cost where they let pass: instructions that they add to an open and to an
// exec, all together and each alone, and to the CPU time of a build and of a web server (scripts/setup corpus):
//   e2e/vm --icount --timeout 1800 -- node e2e/corpus/cost.ts [ROUNDS]   [GANDER_COST=calls|work]
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CompiledPolicy } from "@gander/policy";
import { podLabelsFor } from "@gander/policy-test";
import { startTestNode, type TestNode } from "@gander/policy-test/live";
import { median } from "../../bench/src/figure.ts";
import { type Call, quiet, timeCall } from "../../bench/src/load.ts";
import { libraryPolicies } from "./lib/library-policies.ts";
import { ordinaryWork, type Work } from "./lib/ordinary-work.ts";
import { accountsLayer, WorkContainer } from "./lib/work-container.ts";

const { GANDER_COST } = process.env;
const rounds = Number(process.argv[2] ?? 3);
const extents = {
  open: { batches: 41, size: 50 },
  "open-write": { batches: 41, size: 50 },
  exec: { batches: 41, size: 5 },
} as const satisfies Partial<Record<Call, object>>;
const calls = Object.keys(extents) as (keyof typeof extents)[];
const file = "/var/tmp/opened";
const image = "/corpus";

const guards = libraryPolicies(["guard"]);
const node = await startTestNode();
try {
  writeFileSync(file, "x");
  if (GANDER_COST !== "work") await measureCalls();
  if (existsSync(image) && GANDER_COST !== "calls") await measureWork();
  if (!existsSync(image))
    console.log("scripts/setup corpus makes the image for a build and a web server");
} finally {
  await node[Symbol.asyncDispose]();
}

/** Instructions of a call without policies, and what is added to it: medians of the rounds. */
async function measureCalls(): Promise<void> {
  console.log(`| instructions | ${calls.join(" | ")} |\n|---|${calls.map(() => "---").join("|")}|`);
  const bare = await repeated([]);
  row("without policies", bare);
  for (const pack of [guards, ...guards.map((one) => [one])]) {
    const name = pack === guards ? "all guard policies add" : `${pack[0]?.name} alone`;
    row(
      name,
      (await repeated(pack)).map((value, i) => value - (bare[i] ?? Number.NaN)),
    );
  }
}

async function repeated(policies: readonly CompiledPolicy[]): Promise<number[]> {
  const samples: number[][] = [];
  for (let round = 0; round < rounds; round++) samples.push(await timeCalls(policies));
  return calls.map((_, i) => median(samples.map((sample) => sample[i] ?? Number.NaN)));
}

function row(name: string, values: readonly number[]): void {
  console.log(`| ${name} | ${values.map((value) => value.toFixed(0)).join(" | ")} |`);
}

async function timeCalls(policies: readonly CompiledPolicy[]): Promise<number[]> {
  await node.use(policies, podLabelsFor(policies));
  // This process has its children in the container's cgroup.
  moveTo(node.cgroup);
  try {
    await quiet();
    return calls.map((call) => timeCall(call, extents[call], file));
  } finally {
    moveTo("/sys/fs/cgroup");
  }
}

function moveTo(cgroup: string): void {
  writeFileSync(join(cgroup, "cgroup.procs"), `${process.pid}`);
}

/** CPU time of all processes of the container, with and without guard policies. */
async function measureWork(): Promise<void> {
  // Configuring all packages would take minutes.
  const layers = [accountsLayer(image), image];
  for (const { name, amount } of [
    { name: "c-build", amount: 12 },
    { name: "nginx", amount: 2000 },
  ]) {
    const work = ordinaryWork("debian").find((one) => one.name === name);
    if (work === undefined) throw new Error(`there is no ordinary work ${name}`);
    const shares: number[] = [];
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const without = await cpuTime([], work, { layers, amount });
      const guarded = await cpuTime(guards, work, { layers, amount });
      shares.push((guarded / without - 1) * 100);
      times.push(without);
    }
    const [ms, share] = [median(times).toFixed(0), median(shares).toFixed(2)];
    const range = shares.map((one) => one.toFixed(2)).join(", ");
    console.log(`${name}: ${ms} ms of CPU; guard policies add ${share} % (${range})`);
  }
}

async function cpuTime(
  policies: readonly CompiledPolicy[],
  work: Work,
  { layers, amount }: { readonly layers: readonly string[]; readonly amount: number },
): Promise<number> {
  await node.use(policies, podLabelsFor(policies));
  await quiet();
  using container = new WorkContainer(layers);
  const before = usedMs(node);
  const { status, stderr } = await container.run(work, node.cgroup, amount);
  if (status !== 0) throw new Error(`${work.name} failed: ${stderr}`);
  return usedMs(node) - before;
}

function usedMs({ cgroup }: TestNode): number {
  const text = readFileSync(join(cgroup, "cpu.stat"), "utf8");
  return Number(/^usage_usec (\d+)$/m.exec(text)?.[1]) / 1000;
}
