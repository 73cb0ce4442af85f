// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a program of packages/sensor/native: beside a bundle; in the source tree, the output of `make build`. */
export function nativeProgram(name: string): string {
  const places = [`./${name}`, `../../native/build/${name}`];
  return places.map((at) => fileURLToPath(new URL(at, import.meta.url))).find(existsSync) ?? name;
}
