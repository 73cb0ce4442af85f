// SPDX-License-Identifier: Apache-2.0
import { type Counts, noCounts } from "./counts.ts";
import { runCommand } from "./run-command.ts";

/** A program that passes or fails as a whole: one test. */
export async function checkCommand(program: string, args: readonly string[]): Promise<Counts> {
  const passed = (await runCommand(program, args)) === 0;
  return { ...noCounts, passed: passed ? 1 : 0, failed: passed ? 0 : 1 };
}
