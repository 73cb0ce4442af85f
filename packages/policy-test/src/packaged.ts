// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The first of these places that exists, relative to this module: it is in src/ of the source tree, in a bundle in the
 * program itself or in lib/ beside it.
 */
export function packaged(places: readonly string[]): string {
  const paths = places.map((at) => fileURLToPath(new URL(at, import.meta.url)));
  return paths.find(existsSync) ?? paths[0] ?? "";
}
