// SPDX-License-Identifier: Apache-2.0
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

/** The program of e2e/attacks, as built on the host. */
export const attackProgram = resolve(import.meta.dirname, "../../attacks/build/attack");

export interface AttackResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** The attack's way does not exist on this kernel (e2e/attacks/attack.h). */
export const UNSUPPORTED = 77;

/** Runs one attack to its end. */
export function attack(...argv: readonly string[]): AttackResult {
  return run(attackProgram, argv);
}

/** Runs a program to its end; one that hangs is stopped by SIGABRT after two minutes. */
export function run(program: string, argv: readonly string[], timeoutMs = 120_000): AttackResult {
  const result = spawnSync(program, argv, {
    encoding: "utf8",
    timeout: timeoutMs,
    killSignal: "SIGABRT",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error !== undefined && result.signal === null) throw result.error;
  return {
    status: result.status,
    signal: result.signal,
    output: result.stdout,
    errors: result.stderr,
  };
}

/** "killed", "done", "refused: why", "not possible here: why": for messages of failed tests. */
export function describeResult(result: AttackResult): string {
  if (result.signal !== null) return `ended by ${result.signal}`;
  if (result.status === 0) return "done";
  return `exit status ${result.status}: ${result.errors.trim()}`;
}

export interface RunningAttack extends AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams;
  /** The next line that it prints; undefined when it has ended. */
  nextLine(): Promise<string | undefined>;
  /** Lets a waiting attack continue. */
  go(): void;
  /** Waits for its end. */
  ended(): Promise<AttackResult>;
}

/** An attack that runs while the test does something else. */
export function startAttack(...argv: readonly string[]): RunningAttack {
  const child = spawn(attackProgram, argv, { stdio: "pipe" });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdin.on("error", () => {});
  const end = new Promise<AttackResult>((resolve) => {
    child.on("close", (status, signal) => resolve({ status, signal, output: "", errors }));
  });
  return {
    process: child,
    nextLine: async () => (await lines.next()).value,
    go: () => void child.stdin.write("\n"),
    ended: () => end,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await end;
    },
  };
}
