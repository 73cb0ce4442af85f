// SPDX-License-Identifier: Apache-2.0
// `make siege`: an adversary of our own against a sensor, in a virtual machine for each kernel.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { kernels } from "../kernel-tests.d/plan.ts";

const usage = `node e2e/siege/main.ts [OPTION]…

  --minutes N        how long (default 60)
  --kernel VERSION   6.1 or 6.12; may be given again (default: both, side by side)
  --seed N           repeat the siege with this seed (default: a new one, which is printed)
  --steps N          end after so many steps
  --out DIR          for the log of steps and the report (default build/siege)
  -o json            the reports as JSON at the end
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    kernel: { type: "string", multiple: true },
    seed: { type: "string" },
    steps: { type: "string", default: "1000000" },
    out: { type: "string", default: resolve(import.meta.dirname, "../../build/siege") },
    output: { type: "string", short: "o", default: "text" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
for (const name of ["minutes", "steps", "seed"] as const)
  if (values[name] !== undefined && !/^[0-9]+(\.[0-9]+)?$/.test(values[name])) {
    console.error(`siege: --${name} ${values[name]} is no number\n\n${usage}`);
    process.exit(2);
  }

const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 32));
const say = values.output === "json" ? console.error : console.log;
say(`seed ${seed}`);
const statuses = await Promise.all((values.kernel ?? kernels).map(siegeOn));
if (values.output === "json") console.log(JSON.stringify(statuses.map(({ report }) => report)));
for (const { kernel, status } of statuses)
  say(
    `kernel ${kernel}: ${status === 0 ? "held" : `did not hold (exit status ${status}, seed ${seed})`}`,
  );
process.exitCode = statuses.every(({ status }) => status === 0) ? 0 : 1;

interface Ended {
  readonly kernel: string;
  readonly status: number;
  readonly report: unknown;
}

async function siegeOn(kernel: string): Promise<Ended> {
  const out = join(values.out, kernel);
  mkdirSync(out, { recursive: true });
  const options = [...["--seed", seed, "--minutes", values.minutes, "--steps", values.steps]];
  const repeat = `node e2e/siege/main.ts --kernel ${kernel} ${options.join(" ")}`;
  // Start and end take time as well; a last step may be long.
  const timeout = Math.ceil(Number(values.minutes) * 60 + 1200);
  const child = spawn(
    resolve(import.meta.dirname, "../vm"),
    [
      ...["--kernel", kernel, "--memory", "5120", "--timeout", `${timeout}`, "--out", out, "--"],
      ...["node", "/gander/e2e/siege/guest.ts", ...options, "--repeat", repeat],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => say(`[${kernel}] ${line}`));
  const status = await new Promise<number>((done) => {
    child.on("error", () => done(127));
    child.on("close", (code, signal) => done(code ?? (signal === null ? 1 : 128)));
  });
  return { kernel, status, report: readReport(`${out}/siege.json`) };
}

function readReport(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
