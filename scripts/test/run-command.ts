// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { constants } from "node:os";

export interface CommandOptions {
  readonly onOutput?: (chunk: Buffer) => void;
  /** For standard error, if it shall be kept apart. */
  readonly onErrors?: (chunk: Buffer) => void;
  readonly onStart?: (pid: number) => void;
}

/**
 * Runs a program and gives its exit status: 128 + n after signal n, 127 if it could not be started
 * (which is said on standard error). Its output is this process's, or goes to `onOutput`.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  { onOutput, onErrors = onOutput, onStart }: CommandOptions = {},
): Promise<number> {
  return new Promise((resolve) => {
    const output = onOutput === undefined ? "inherit" : "pipe";
    const child = spawn(program, args, { stdio: ["ignore", output, output] });
    if (child.pid !== undefined) onStart?.(child.pid);
    if (onOutput !== undefined) child.stdout?.on("data", onOutput);
    if (onErrors !== undefined) child.stderr?.on("data", onErrors);
    child.on("error", (error) => {
      console.error(`Cannot run ${program}: ${error.message}`);
      resolve(127);
    });
    child.on("close", (status, signal) => {
      resolve(status ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
