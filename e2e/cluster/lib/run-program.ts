// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { buffer } from "node:stream/consumers";

export type ProgramOutput = {
  /** As a shell has it: 128 and the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};

export type ProgramOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** It gets SIGKILL then; no limit if absent. */
  readonly timeoutMs?: number;
};

/** Resolves with any status when the program has ended and its output is closed. Rejects if it can't be started. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env = process.env, input = "", timeoutMs }: ProgramOptions = {},
): Promise<ProgramOutput> {
  const child = spawn(program, args, { env, timeout: timeoutMs, killSignal: "SIGKILL" });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) =>
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, status] = await Promise.all([
    buffer(child.stdout).then(String),
    buffer(child.stderr).then(String),
    ended,
  ]);
  return { status, stdout, stderr };
}
