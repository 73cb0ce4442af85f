// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Problem } from "@gander/base";
import {
  type CheckedFile,
  type CheckedPolicy,
  checkPolicyFile,
  clusterStandIns,
  exceptionText,
  exceptionWarnings,
  problemPlacer,
  sameExceptionNames,
  sameSetNames,
  useExceptions,
  useSets,
} from "@gander/policy";
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
  const read: ReadFile[] = [];
  for (const found of await findFiles(paths)) read.push(await readFile(found, io));
  // Policies may name sets of other files.
  const sets = read.flatMap(({ content }) => content?.sets ?? []);
  const exceptions = read.flatMap(({ content }) => content?.exceptions ?? []);
  const twice = [...sameSetNames(sets), ...sameExceptionNames(exceptions)];
  // What a file says is checked, as a selector of pods is: whether this machine has a cluster does not matter.
  const filled = clusterStandIns(read.flatMap(({ content }) => content?.policies ?? []));
  const known = new Map([...sets, ...filled].map((set) => [set.name, set]));
  const reports: FileReport[] = [];
  for (const file of read) {
    const own = twice.filter(({ file: path }) => path === file.report.file);
    const others = { sets: known, exceptions };
    reports.push(
      own.length > 0 ? withProblems(file, own) : await checkFile(file, others, onKernel),
    );
  }
  const first = reports[0];
  // A check of nothing must not look like one that passed.
  if (first !== undefined && reports.every(({ state }) => state === "other"))
    reports[0] = { ...first, state: "checked", problems: [...first.problems, noneAtAll(paths)] };
  return reports;
}

/** A file, and what is in it if it has no error. */
type ReadFile = { readonly report: FileReport; readonly content?: CheckedFile };

async function readFile(found: FoundFile, io: Io): Promise<ReadFile> {
  if (found.refused !== undefined)
    return { report: unread(found.path, `Cannot check it: ${found.refused}`) };
  const read = await readInput(found.path, io).catch((error: unknown) => {
    if (error instanceof GanderError) return error;
    throw error;
  });
  if (read instanceof GanderError) return { report: unread(found.path, read.message, read.hint) };
  const { name: file, text: source } = read;
  const origin = found.path === "-" ? "stdin" : "file";
  const report = { file, origin, source, state: "checked", problems: [], policies: [] } as const;
  const { value, problems } = checkPolicyFile(source, { file });
  if (value !== undefined) return { report, content: value };
  const other = !found.named && holdsOtherKinds(problems);
  return other
    ? { report: { ...report, state: "other", problems: problems.filter(isNote) } }
    : { report: { ...report, problems } };
}

/** What policies may use of all files. */
type OtherDocuments = {
  readonly sets: Parameters<typeof useSets>[1];
  readonly exceptions: CheckedFile["exceptions"];
};

async function checkFile(
  { report, content }: ReadFile,
  { sets, exceptions }: OtherDocuments,
  onKernel: KernelCheck,
): Promise<FileReport> {
  if (content === undefined) return report;
  const resolved = content.policies.map((policy) => useSets(policy, sets));
  const wrong = resolved.flatMap(({ problems = [] }) => problems);
  if (wrong.length > 0) return withProblems({ report }, wrong);
  const policies = resolved.flatMap(({ value }) => value ?? []);
  const placeProblems = problemPlacer(report.source);
  const placed: Problem[] = [];
  for (const policy of policies) {
    const excepted = useExceptions(policy, exceptions, "cluster");
    const onThis = placeProblems(await onKernel(excepted, report.file), excepted.compiled);
    placed.push(...policy.warnings, ...exceptionWarnings(excepted), ...onThis);
  }
  placed.push(...content.warnings);
  const names = content.sets.map(({ name }) => name);
  const excepting = content.exceptions.map(exceptionText);
  return {
    ...{ ...report, problems: placed, policies },
    ...(names.length > 0 && { sets: names }),
    ...(excepting.length > 0 && { exceptions: excepting }),
  };
}

const withProblems = ({ report }: ReadFile, more: readonly Problem[]): FileReport => ({
  ...report,
  problems: [...report.problems, ...more],
});

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
