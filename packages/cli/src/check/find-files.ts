// SPDX-License-Identifier: Apache-2.0
import { glob, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

/** A file to be checked. */
export type FoundFile = {
  readonly path: string;
  /** Given by name: it must hold a policy. What lies in a directory may be something else. */
  readonly named: boolean;
  /** Why it must not be read. */
  readonly refused?: string;
};

/**
 * Files, directories (with all below them) and patterns such as `policies/**` → files, each once. `-`
 * is the standard input. What does not exist is given back by its name, so that reading it says so.
 */
export async function findFiles(paths: readonly string[]): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths)
    for (const file of await filesOf(path)) if (!found.has(file.path)) found.set(file.path, file);
  return [...found.values()];
}

async function filesOf(path: string): Promise<readonly FoundFile[]> {
  if (path === "-") return [{ path, named: true }];
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) return filesBelow(path);
  if (info === undefined && /[*?[{]/.test(path)) return filesLike(path);
  return [{ path, named: true }];
}

async function filesBelow(directory: string): Promise<readonly FoundFile[]> {
  const root = await realpath(directory);
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const candidates = names.filter((name) => mayHoldPolicies(name.split(sep))).sort();
  const files = await Promise.all(
    candidates.map((name) => fileInside(root, join(directory, name))),
  );
  const found = files.filter((file) => file !== undefined);
  // Reading the directory itself says that there is nothing.
  return found.length > 0 ? found : [{ path: directory, named: true }];
}

/** A link in a repository must not make the check print what lies elsewhere on the machine. */
async function fileInside(root: string, path: string): Promise<FoundFile | undefined> {
  const target = await realpath(path).catch(() => undefined);
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) return undefined;
  if (target !== undefined && !target.startsWith(root.endsWith(sep) ? root : root + sep))
    return { path, named: false, refused: "it is a link that leads out of the directory" };
  if (info !== undefined && !info.isFile())
    return { path, named: false, refused: "it is not an ordinary file" };
  if (info !== undefined && info.size > maxFileBytes)
    return { path, named: false, refused: `it is larger than ${maxFileBytes} bytes` };
  return { path, named: false };
}

/** More than any policy has; smaller files are read as a whole. */
const maxFileBytes = 4 * 1024 * 1024;

async function filesLike(pattern: string): Promise<readonly FoundFile[]> {
  const paths = (await Array.fromAsync(glob(pattern))).sort();
  const files = await Promise.all(
    paths.map(async (path) => ({ path, info: await stat(path).catch(() => undefined) })),
  );
  const found = files
    .filter(({ path, info }) => info?.isFile() && mayHoldPolicies(path.split(sep)))
    .map(({ path }) => ({ path, named: false }));
  return found.length > 0 ? found : [{ path: pattern, named: true }];
}

/** By its name. Files of editors, of Git and of mounted ConfigMaps begin with a dot. */
function mayHoldPolicies(parts: readonly string[]): boolean {
  const name = parts.at(-1) ?? "";
  if (parts.some((part) => part.startsWith(".") && part !== "." && part !== "..")) return false;
  if (parts.includes("node_modules")) return false;
  return /\.(ya?ml|json)$/.test(name) && !/^kustomization\.ya?ml$/.test(name);
}
