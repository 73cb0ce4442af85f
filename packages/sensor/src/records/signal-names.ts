// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";

const names = new Map<number, string>([[0, ""]]);
// Aliases (SIGIOT, SIGPOLL) come later in the list and must not replace the names.
for (const [name, number] of Object.entries(constants.signals))
  if (!names.has(number)) names.set(number, name);

/** Name of a signal such as SIGKILL; empty for 0. */
export function signalName(signal: number): string {
  const known = names.get(signal);
  if (known !== undefined) return known;
  // SIGRTMIN of the C library; the kernel's own 32 and 33 are below it.
  return signal >= 34 && signal <= 64 ? `SIGRTMIN+${signal - 34}` : `SIG${signal}`;
}
