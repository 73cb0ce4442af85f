// SPDX-License-Identifier: Apache-2.0
import { isAbsolute, relative, resolve, sep } from "node:path";
import type { FileReport } from "./file-report.ts";

/**
 * The path of a file from the root of the repository, with slashes, as code hosts know it. Absolute
 * if the file lies elsewhere; undefined if it is no file.
 */
export function fileLocation(
  { file, origin }: Pick<FileReport, "file" | "origin">,
  root: string,
): string | undefined {
  if (origin === "stdin") return undefined;
  const path = relative(root, resolve(file));
  const outside = path === "" || path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);
  return (outside ? resolve(file) : path).split(sep).join("/");
}

/** Where the repository is checked out: GitHub says so, else it is where the command runs. */
export function repositoryRoot(env: Readonly<Record<string, string | undefined>>): string {
  return env.GITHUB_WORKSPACE || process.cwd();
}
