// SPDX-License-Identifier: Apache-2.0
import type { Loaded, Options } from "@gander/base";
import type { Io } from "./io.ts";

/** What the list of commands needs; nothing behind `load` is read before it is needed. */
export type CommandEntry = {
  /** As typed: `["policy", "list"]`. */
  readonly words: readonly string[];
  readonly aliases?: readonly (readonly string[])[];
  readonly summary: string;
  readonly load: () => Promise<Command>;
};

/** A command with its options parsed, ready to run. */
export type Command = {
  help(columns: number): string;
  /** The options as a table for the docs, without those documented elsewhere. */
  markdown(without: readonly string[]): string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly optionNames: readonly string[];
  /** Returns the exit status; problems with the command line are 2. */
  run(argv: readonly string[], io: Io): Promise<number>;
};

export type Run<T extends Options> = (loaded: Loaded<T>, io: Io) => Promise<number>;
