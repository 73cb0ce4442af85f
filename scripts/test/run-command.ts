// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * Runs a program and gives its exit status: 128 + n after signal n, 127 if it could not be started
 * (which is said on standard error). Its output is this process's, or goes to `onOutput`.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  onOutput?: (chunk: Buffer) => void,
): Promise<number> {
  return new Promise((resolve) => {
    const output = onOutput === undefined ? "inherit" : "pipe";
    const child = spawn(program, args, { stdio: ["ignore", output, output] });
    if (onOutput !== undefined) {
      child.stdout?.on("data", onOutput);
      child.stderr?.on("data", onOutput);
    }
    child.on("error", (error) => {
      console.error(`Cannot run ${program}: ${error.message}`);
      resolve(127);
    });
    child.on("close", (status, signal) => {
      resolve(status ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
