// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { GanderError } from "@gander/base";
import { policyFiles } from "@gander/sensor/policy-file";
import type { Io } from "./io.ts";

export type Input = {
  /** For messages. */
  readonly name: string;
  readonly text: string;
};

/** The text of a file, or of the standard input if it is `-`. Throws GanderError if it cannot be read. */
export async function readInput(file: string, io: Io): Promise<Input> {
  if (file === "-") return { name: "standard input", text: await text(io.stdin) };
  try {
    return { name: file, text: await readFile(file, "utf8") };
  } catch (cause) {
    const code = String((cause as NodeJS.ErrnoException).code);
    throw new GanderError("client-bad-input", `Cannot read ${file}: ${REASONS[code] ?? code}`, {
      cause,
    });
  }
}

/** A folder stands for the files in it that a sensor would read. */
export async function filesIn(paths: readonly string[]): Promise<readonly string[]> {
  const lists = paths.map(async (path) => {
    const info = path === "-" ? undefined : await stat(path).catch(() => undefined);
    if (info?.isDirectory() !== true) return [path];
    const { paths: files } = await policyFiles([path]);
    return files.length > 0 ? files : [path];
  });
  return (await Promise.all(lists)).flat();
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "it is a directory without policies",
  ENOTDIR: "a part of the path is not a directory",
};
