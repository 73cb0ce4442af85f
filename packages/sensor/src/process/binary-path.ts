// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";

/**
 * The field `binary`: what was typed, made absolute. `resolved` is the path of the file that runs; it
 * stands in where nothing was typed that means anything later, such as a descriptor's path.
 */
export function binaryPath(typed: string, cwd: string, resolved: string): string {
  if (typed.startsWith("/")) return typed;
  if (typed === "" || cwd === "") return resolved === "" ? typed : resolved;
  return posix.join(cwd, typed);
}
