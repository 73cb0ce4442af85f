// SPDX-License-Identifier: Apache-2.0

import type { RegisterName } from "./registers.ts";

type Width = {
  readonly size: 1 | 2 | 4 | 8;
  readonly signed: boolean;
};

/** Where a static probe of a program has one of its arguments. */
export type ProbeArgument =
  | { readonly in: "constant"; readonly value: bigint; readonly size: Width["size"] }
  /** `skip`: the register's bytes below (1: ah and the like). */
  | (Width & { readonly in: "register"; readonly register: RegisterName; readonly skip: 0 | 1 })
  /** At base + (index << shift) + displacement in the memory of the process. */
  | (Width & {
      readonly in: "memory";
      readonly base?: RegisterName;
      readonly index?: RegisterName;
      readonly shift: 0 | 1 | 2 | 3;
      readonly displacement: number;
    })
  /** Not readable: its text in the program, and why, as the end of a sentence. */
  | { readonly in: "nothing"; readonly text: string; readonly why: string };

/** A place of a static probe in the file of its program. */
export type ProbeSite = {
  /** In bytes. */
  readonly offset: number;
  /** Where the file has the counter by which the program knows that the probe is in use; 0: there is none. */
  readonly counter: number;
  readonly args: readonly ProbeArgument[];
};

/** Equal for sites whose arguments are read in the same way. */
export const argumentsText = (args: readonly ProbeArgument[]): string =>
  JSON.stringify(args, (_, value) => (typeof value === "bigint" ? String(value) : value));
