// SPDX-License-Identifier: Apache-2.0
import type { NoPlace } from "./attach-facts.ts";

export const missing = ({ problem, hint }: NoPlace) =>
  ({ code: "program-not-found", message: problem, hint }) as const;

/** What a policy that enforces in a program does not reach. */
export const copies = (path: string): string =>
  `only what runs from the file ${path} is hooked: a process that starts a copy of it is not stopped`;
