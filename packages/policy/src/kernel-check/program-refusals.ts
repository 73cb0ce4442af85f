// SPDX-License-Identifier: Apache-2.0
import type { FoundProgram, NoPlace } from "./attach-facts.ts";

export const missing = ({ problem, hint }: NoPlace) =>
  ({ code: "program-not-found", message: problem, hint }) as const;

/** What a policy that enforces in a program does not reach. */
export const copies = (path: string, { file = path }: Pick<FoundProgram, "file">): string =>
  `only what runs from the file ${file === path ? path : `${file}, to which ${path} leads,`} is hooked: a process that starts a copy of it is not stopped`;
