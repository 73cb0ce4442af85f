// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem, Result } from "../problem.ts";
import type { Setting } from "./configuration-table.ts";
import { optionProblem } from "./option-problem.ts";

type ConfigurationFiles = {
  /** A YAML file `option: value`; skipped if it is not there. */
  readonly file?: string;
  /** A directory with one file an option: its name is the option, its content the value. Skipped if it is not there. */
  readonly directory?: string;
};

/**
 * Reads the settings on disk, weakest first. The YAML parser comes from the caller,
 * as this package depends on nothing.
 */
export async function readConfigurationFiles(
  { file, directory }: ConfigurationFiles,
  parseYaml: (text: string) => unknown,
): Promise<Result<readonly Setting[]>> {
  const problems: Problem[] = [];
  const settings: Setting[] = [];
  const attempt = async (path: string, read: () => Promise<readonly Setting[]>) => {
    try {
      settings.push(...(await read()));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(
        optionProblem("configuration-file", path, `Cannot read ${path}: ${reason}`, ""),
      );
    }
  };
  if (file !== undefined)
    await attempt(file, async () => fromYaml(parseYaml(await readFile(file, "utf8")), file));
  if (directory !== undefined) await attempt(directory, () => fromDirectory(directory));
  return problems.length > 0 ? { problems } : { value: settings };
}

async function fromDirectory(directory: string): Promise<readonly Setting[]> {
  const settings: Setting[] = [];
  for (const name of (await readdir(directory)).sort()) {
    // A mounted ConfigMap has "..data" and the like beside the keys.
    if (name.startsWith(".")) continue;
    const path = join(directory, name);
    if (!(await stat(path)).isFile()) continue;
    settings.push({ option: name, texts: [(await readFile(path, "utf8")).trim()], origin: path });
  }
  return settings;
}

function fromYaml(content: unknown, file: string): readonly Setting[] {
  if (content === null || content === undefined) return [];
  if (typeof content !== "object" || Array.isArray(content))
    throw new Error("it must be a mapping of option to value");
  return Object.entries(content).map(([option, value]) => {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    return { option, texts: items.map(asText), origin: file };
  });
}

const asText = (value: unknown): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
