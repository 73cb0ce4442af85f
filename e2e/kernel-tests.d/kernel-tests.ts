// SPDX-License-Identifier: Apache-2.0
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import {
  addCounts,
  type Counts,
  countsOfRunner,
  formatSummary,
  noCounts,
} from "../../scripts/test/counts.ts";
import { runCommand } from "../../scripts/test/run-command.ts";

const repository = resolve(import.meta.dirname, "../..");

/** The kernels everything is tested on; `make setup` brings them. */
export const kernels: readonly string[] = ["6.1", "6.12"];

/** These need a kernel, and test what is the same on each: one will do, as they take long. */
const onNewestOnly: readonly string[] = [
  "bench/src/phases.kernel-test.ts",
  "e2e/tests/export-file.kernel-test.ts",
  "e2e/tests/grpc-client.kernel-test.ts",
  "e2e/tests/hostile-grpc.kernel-test.ts",
  "e2e/tests/instance.kernel-test.ts",
  "e2e/tests/operator.kernel-test.ts",
  "e2e/tests/policy-directory.kernel-test.ts",
];

export interface KernelTestOptions {
  readonly kernel: string;
  /** Test files; none means all. */
  readonly files: readonly string[];
  /** For each file; 30 minutes if left out. */
  readonly timeoutSeconds?: number;
}

/**
 * Runs `*.kernel-test.ts`, each file in a guest of its own: what one leaves behind in a kernel is
 * nothing to the next. As many guests as the machine has CPUs run side by side. A guest that dies or
 * hangs is a failure.
 */
export async function kernelTests(options: KernelTestOptions): Promise<Counts> {
  const files = options.files.length > 0 ? options.files : testsOf(options.kernel);
  const waiting = [...files];
  let total = noCounts;
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const started = performance.now();
      const output: Buffer[] = [];
      // The output of one is shown as it comes; that of many would be mixed up.
      const onOutput = files.length > 1 ? (chunk: Buffer) => void output.push(chunk) : undefined;
      const counts = await testInGuest(options, file, onOutput);
      if (counts.failed > 0) process.stdout.write(Buffer.concat(output));
      const name = relative(repository, resolve(file));
      console.log(formatSummary(name, counts, performance.now() - started));
      total = addCounts(total, counts);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return total;
}

async function testInGuest(
  options: KernelTestOptions,
  file: string,
  onOutput: ((chunk: Buffer) => void) | undefined,
): Promise<Counts> {
  const out = await mkdtemp(join(tmpdir(), "gander-kernel-tests-"));
  try {
    const args = [
      ...["--kernel", options.kernel, "--out", out],
      ...["--timeout", String(options.timeoutSeconds ?? 1800), "--"],
      ...["node", "--test", "--test-concurrency=1", "--test-timeout=900000"],
      ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
      ...["--test-reporter=/gander/e2e/kernel-tests.d/count-reporter.ts"],
      ...["--test-reporter-destination=/out/counts.json"],
      join("/gander", relative(repository, resolve(file))),
    ];
    const status = await runCommand(join(repository, "e2e/vm"), args, onOutput);
    const name = `${relative(repository, resolve(file))} on ${options.kernel}`;
    return countsOfRunner(name, await readCounts(out, name), status);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** As its reporter wrote them; undefined if the guest did not get so far. */
async function readCounts(directory: string, file: string): Promise<Counts | undefined> {
  const text = await readFile(join(directory, "counts.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const counts: Counts = JSON.parse(text);
  return { ...counts, failures: counts.failures.map((failure) => ({ ...failure, file })) };
}

function testsOf(kernel: string): string[] {
  const all = findKernelTests();
  if (kernel === kernels.at(-1)) return all;
  return all.filter((file) => !onNewestOnly.includes(relative(repository, file)));
}

/** Paths below the repository, in an order that ends with short ones: then no CPU waits long for the other. */
function findKernelTests(): string[] {
  return globSync("{packages,e2e,bpf,bench}/**/*.kernel-test.ts", {
    cwd: repository,
    exclude: (path) => path.includes("node_modules"),
  })
    .sort()
    .reverse()
    .map((path) => join(repository, path));
}
