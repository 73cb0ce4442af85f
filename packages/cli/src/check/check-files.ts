// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Problem } from "@gander/base";
import { type CheckedPolicy, checkPolicy, problemPlacer } from "@gander/policy";
import type { Io } from "../io.ts";
import { readInput } from "../read-input.ts";
import type { FileReport } from "./file-report.ts";
import { type FoundFile, findFiles } from "./find-files.ts";

/** What a kernel has to say to a policy that is right by itself. */
export type KernelCheck = (
  policy: CheckedPolicy,
  file: string,
) => readonly Problem[] | Promise<readonly Problem[]>;

/** Checks files, directories and patterns; one report a file, whatever becomes of the others. */
export async function checkFiles(
  paths: readonly string[],
  io: Io,
  onKernel: KernelCheck,
): Promise<readonly FileReport[]> {
  const reports: FileReport[] = [];
  for (const found of await findFiles(paths)) reports.push(await checkFile(found, io, onKernel));
  const first = reports[0];
  // A check of nothing must not look like one that passed.
  if (first !== undefined && reports.every(({ state }) => state === "other"))
    reports[0] = { ...first, state: "checked", problems: [...first.problems, noneAtAll(paths)] };
  return reports;
}

async function checkFile(found: FoundFile, io: Io, onKernel: KernelCheck): Promise<FileReport> {
  if (found.refused !== undefined) return unread(found.path, `Cannot check it: ${found.refused}`);
  const read = await readInput(found.path, io).catch((error: unknown) => {
    if (error instanceof GanderError) return error;
    throw error;
  });
  if (read instanceof GanderError) return unread(found.path, read.message, read.hint);
  const { name: file, text: source } = read;
  const report = { file, origin: found.path === "-" ? "stdin" : "file", source } as const;
  const { value, problems } = checkPolicy(source, { file });
  if (value !== undefined) {
    const placeProblems = problemPlacer(source);
    const placed: Problem[] = [];
    for (const policy of value) {
      const onThis = placeProblems(await onKernel(policy, file), policy.compiled);
      placed.push(...policy.warnings, ...onThis);
    }
    return { ...report, state: "checked", problems: placed, policies: value };
  }
  const other = !found.named && holdsOtherKinds(problems);
  return other
    ? { ...report, state: "other", problems: problems.filter(isNote), policies: [] }
    : { ...report, state: "checked", problems, policies: [] };
}

/** Nothing is wrong with it but that it holds no policy: a Namespace, an Application … */
function holdsOtherKinds(problems: readonly Problem[]): boolean {
  return (
    problems.some(({ code }) => code === "yaml-other-kind") &&
    problems.every((problem) => isNote(problem) || problem.code === "policy-missing")
  );
}

const isNote = ({ severity }: Problem): boolean => severity === "note";

const nowhere = { path: "", line: 0, column: 0, severity: "error" } as const;

function unread(file: string, message: string, hint = ""): FileReport {
  const problem: Problem = { ...nowhere, file, code: "client-bad-input", message, hint };
  return {
    file,
    origin: "file",
    source: "",
    state: "unread",
    problems: [problem],
    policies: [],
  };
}

function noneAtAll(paths: readonly string[]): Problem {
  return {
    ...nowhere,
    file: paths[0] ?? "",
    code: "policy-missing",
    message: "None of the files holds a tracing policy, so nothing was checked",
    hint: "Name the directory that has them.",
  };
}
