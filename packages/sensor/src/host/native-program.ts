// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a program of packages/sensor/native: beside a bundle; in the source tree, the output of `make build`. */
export function nativeProgram(name: string): string {
  const places = [`./${name}`, `../../native/build/${name}`];
  return places.map((at) => fileURLToPath(new URL(at, import.meta.url))).find(existsSync) ?? name;
}

/**
 * Starts such a program. An error: a policy, or whatever else, forbids it. Node throws some of these errors, and
 * reports others by the event `error`.
 */
export function startNativeProgram(
  name: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess | Error {
  try {
    return spawn(nativeProgram(name), args, options);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
