// SPDX-License-Identifier: Apache-2.0
import type { Workload } from "../workload/workload.ts";
import { joinArguments } from "./command-line.ts";
import { processFlag } from "./process-flags.ts";

/** The fields of a process by which a probe is recognized. */
export type ProbeCandidate = {
  readonly binary: string;
  readonly arguments: string;
  readonly flags: number;
  readonly workload: Workload;
};

/** A process with one of these isn't a probe, or can't be recognized as one. */
const others =
  processFlag.inInitTree |
  processFlag.unknown |
  processFlag.truncArgs |
  processFlag.errorArgs |
  processFlag.truncFilename |
  processFlag.errorFilename;

/**
 * Whether the process runs the command of an exec probe of its container, and was started from outside: the
 * container's own processes can't pass for a probe by their command, unless the pod shares a pid namespace.
 * Somebody who may exec into the container can.
 */
export function maybeExecProbe(process: ProbeCandidate): boolean {
  const { execProbes } = process.workload;
  if (execProbes === undefined || (process.flags & others) !== 0) return false;
  return execProbes.some((probe) => runsCommand(process, probe));
}

/**
 * Whether the process is what a container runtime starts for the command: it looks the program up in the
 * container's PATH, and the kernel replaces a script by its interpreter.
 */
export function runsCommand(
  { binary, arguments: args }: Pick<ProbeCandidate, "binary" | "arguments">,
  [program = "", ...rest]: readonly string[],
): boolean {
  if (!isProgram(binary, program)) return false;
  return (
    args === argumentsText(rest) ||
    isScript(args, argumentsText([binary, ...rest])) ||
    isScript(args, argumentsText([program, ...rest]))
  );
}

/** Whether the runtime may have found `program` as this binary. */
export function isProgram(binary: string, program: string): boolean {
  if (program === "") return false;
  return program.startsWith("/") ? binary === program : baseName(binary) === baseName(program);
}

/** A script runs as: the interpreter, its one argument if `#!` has one, the script, the script's arguments. */
function isScript(args: string, script: string): boolean {
  if (args === script) return true;
  return args.endsWith(` ${script}`) && !args.slice(0, -script.length - 1).includes(" ");
}

/** As in the field `arguments` of a process. */
export const argumentsText = (rest: readonly string[]) =>
  rest.length === 0 ? "" : joinArguments(`\0${rest.join("\0")}\0`);

const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
