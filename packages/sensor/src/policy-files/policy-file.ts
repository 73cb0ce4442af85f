// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ErrorCode, GanderError, type Problem, type Result } from "@gander/base";
import {
  type CheckedException,
  type CheckedFile,
  type CheckedPolicy,
  type CheckedSet,
  sameExceptionNames,
  sameSetNames,
  useExceptions,
  useSets,
} from "@gander/policy";

/** Reads the text of a file. */
export type CheckFile = (text: string, options: { readonly file: string }) => Result<CheckedFile>;

/** The known state of a file of policies. */
export type PolicyFile = {
  /** Changes with the file. */
  readonly stamp: string;
  /** From the last version without errors. */
  readonly policies: readonly CheckedPolicy[];
  /** From the same version. */
  readonly sets: readonly CheckedSet[];
  /** From the same version. */
  readonly exceptions: readonly CheckedException[];
  /** Of this version; none: `policies` is from this version. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** This version has not been handled yet. */
  readonly fresh: boolean;
};

const MAX_FILE_BYTES = 4 * 1024 * 1024;

export type PolicyFiles = {
  /** Paths, sorted. */
  readonly paths: readonly string[];
  /** Directories that don't exist or can't be read. */
  readonly unreadable: readonly string[];
};

/** The files in `directories` that may contain policies. */
export async function policyFiles(directories: readonly string[]): Promise<PolicyFiles> {
  const paths = new Set<string>();
  const unreadable: string[] = [];
  for (const directory of directories) {
    try {
      for (const name of await readdir(directory))
        if (isPolicyName(name)) paths.add(join(directory, name));
    } catch {
      unreadable.push(directory);
    }
  }
  return { paths: [...paths].sort(), unreadable };
}

/** Names of editors' files and of mounted ConfigMaps start with a dot. */
function isPolicyName(name: string): boolean {
  return /\.(ya?ml|json)$/.test(name) && !name.startsWith(".");
}

/**
 * Reads a file again if it changed; returns `before` if not, undefined if it was removed or is not a file. A
 * version with errors keeps the policies of the last one without.
 */
export async function readPolicyFile(
  path: string,
  before: PolicyFile | undefined,
  check: CheckFile,
): Promise<PolicyFile | undefined> {
  try {
    const info = await stat(path, { bigint: true });
    const stamp = `${info.dev}:${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`;
    if (stamp === before?.stamp) return before;
    // Reading a FIFO would never end.
    if (!info.isFile()) return undefined;
    if (info.size > MAX_FILE_BYTES)
      return broken("input-too-large", `larger than ${MAX_FILE_BYTES} bytes`, path, stamp, before);
    const { value, problems } = check(await readFile(path, "utf8"), { file: path });
    if (value === undefined)
      return { stamp, ...contentOf(before), problems, warnings: [], fresh: true };
    const warnings = [...value.policies.flatMap((policy) => policy.warnings), ...value.warnings];
    return { stamp, ...value, problems: [], warnings, fresh: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    return broken("configuration-file", `cannot be read: ${reason}`, path, "", before);
  }
}

const contentOf = (file: PolicyFile | undefined): Omit<CheckedFile, "warnings"> => ({
  policies: file?.policies ?? [],
  sets: file?.sets ?? [],
  exceptions: file?.exceptions ?? [],
});

/** Reads files that must be valid; throws a GanderError that names all problems of all of them. */
export async function readPolicyFiles(
  paths: readonly string[],
  check: CheckFile,
): Promise<readonly CheckedPolicy[]> {
  const files = await Promise.all(paths.map((path) => readPolicyFile(path, undefined, check)));
  const missing = paths.filter((_, index) => files[index] === undefined);
  const sets = files.flatMap((file) => file?.sets ?? []);
  const exceptions = files.flatMap((file) => file?.exceptions ?? []);
  const known = new Map(sets.map((set) => [set.name, set]));
  const policies = files.flatMap((file) => file?.policies ?? []).map((one) => useSets(one, known));
  const problems = [
    ...files.flatMap((file) => file?.problems ?? []),
    ...sameSetNames(sets),
    ...sameExceptionNames(exceptions),
    ...policies.flatMap((one) => one.problems ?? []),
  ];
  if (missing.length === 0 && problems.length === 0)
    return policies
      .flatMap(({ value }) => value ?? [])
      .map((one) => useExceptions(one, exceptions, "host"));
  const texts = [
    ...missing.map((path) => `${path}: there is no such file`),
    ...problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
  ];
  throw new GanderError("configuration-file", `Cannot use --tracing-policy: ${texts.join("; ")}`, {
    hint: "gander policy check FILE shows the places.",
  });
}

function broken(
  code: ErrorCode,
  message: string,
  file: string,
  stamp: string,
  before: PolicyFile | undefined,
): PolicyFile {
  // Reported once, not at every poll.
  if (before?.problems[0]?.message === message) return before;
  const problem: Problem = {
    file,
    path: "",
    line: 0,
    column: 0,
    code,
    message,
    hint: "",
    severity: "error",
  };
  return {
    stamp,
    ...contentOf(before),
    problems: [problem],
    warnings: [],
    fresh: true,
  };
}
