// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";

/**
 * The field `binary`: the typed text, made absolute. `resolved` is the path of the file that runs; it is used
 * if the typed text means nothing later, such as a descriptor's path.
 */
export function binaryPath(typed: string, cwd: string, resolved: string): string {
  if (typed.startsWith("/")) return typed;
  if (typed === "" || cwd === "") return resolved === "" ? typed : resolved;
  return posix.join(cwd, typed);
}
