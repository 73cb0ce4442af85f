// SPDX-License-Identifier: Apache-2.0
import type { Workload } from "../workload/workload.ts";
import { argumentsText, isProgram, runsCommand } from "./exec-probe.ts";
import { processFlag } from "./process-flags.ts";

/** The fields of a process image that show which command it runs, before secrets are removed. */
export type RunningCommand = {
  readonly binary: string;
  readonly arguments: string;
  /** Bits of processFlag. */
  readonly flags: number;
};

/** A command that may have been started. */
export type SessionCommand = {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** `command` is only the beginning. */
  readonly command_cut: boolean;
};

/** Equal for equal commands. */
export const commandKey = ({ command, command_cut }: SessionCommand): string =>
  `${command_cut ? "cut" : "whole"} ${JSON.stringify(command)}`;

/** Whether the process may be in the container of that name, which is known a moment after its first process. */
export function mayBeIn({ pod }: Workload, container: string): boolean {
  const name = pod?.container?.name ?? "";
  return container === "" || name === "" || name === container;
}

const isIn = (flags: number, some: number) => (flags & some) !== 0;

/** Whether the process may run this command. Parts that are not known fit. */
export function mayRun(process: RunningCommand, { command, command_cut }: SessionCommand): boolean {
  const { flags, binary } = process;
  const [program = "", ...rest] = command;
  const { truncFilename, errorFilename, truncArgs, errorArgs } = processFlag;
  const hasBinary = !isIn(flags, truncFilename | errorFilename);
  const isCut = isIn(flags, truncArgs);
  if (isIn(flags, errorArgs)) return !hasBinary || isProgram(binary, program);
  if (hasBinary && !isCut && !command_cut) return runsCommand(process, command);
  if (hasBinary && !isProgram(binary, program)) return false;
  const text = unquoted(process.arguments);
  const fits = (shown: string, expected: string) =>
    shown === expected ||
    (isCut && expected.startsWith(shown)) ||
    (command_cut && shown.startsWith(expected));
  // Of a script: the interpreter's one argument, if it has one, the script, the script's arguments.
  const scripts = [binary, program].map((file) => unquoted(argumentsText([file, ...rest])));
  const afterFirst = text.slice(text.indexOf(" ") + 1);
  return (
    fits(text, unquoted(argumentsText(rest))) ||
    scripts.some((script) => fits(text, script) || fits(afterFirst, script))
  );
}

/** An argument that is cut may have lost the space for which it would be quoted. */
const unquoted = (text: string) => text.replaceAll('"', "");
