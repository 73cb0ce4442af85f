// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The root, whether this runs from sources below bench/ or from a bundle in dist/. */
export const repository = findRepository(import.meta.dirname);

function findRepository(folder: string): string {
  if (existsSync(join(folder, "pnpm-workspace.yaml"))) return folder;
  if (dirname(folder) === folder) throw new Error("The repository of the benchmark is not found");
  return findRepository(dirname(folder));
}
