// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Problem } from "@gander/base";
import type { CaseResult, Engine, LoadedTest } from "@gander/policy-test";
import type { FileReport } from "../check/file-report.ts";
import type { FoundTest } from "./find-tests.ts";

type RunOptions = {
  /** Only cases whose name it fits, as `TEST/CASE`. */
  readonly only?: RegExp | undefined;
  readonly allowUndecided: boolean;
};

/** One report a test. @throws GanderError if policies can't be in force there. */
export async function runTests(
  found: readonly FoundTest[],
  engine: Engine,
  options: RunOptions,
): Promise<readonly FileReport[]> {
  const reports: FileReport[] = [];
  for (const { test, report } of found)
    reports.push(test === undefined ? report : await runTest(test, engine, options));
  return reports;
}

async function runTest(
  { file, source, test, policies }: LoadedTest,
  engine: Engine,
  { only, allowUndecided }: RunOptions,
): Promise<FileReport> {
  const { name } = test.metadata;
  const cases = test.cases.filter((one) => only?.test(`${name}/${one.name}`) ?? true);
  const compiled = policies.map((policy) => policy.compiled);
  const results =
    cases.length === 0 ? [] : await engine.run({ cases }, compiled).catch(failed(file));
  return {
    ...{ file, source, policies, origin: "file", state: "checked", name, cases: results },
    problems: results.flatMap((result) => problemOf(file, result, allowUndecided)),
  };
}

const failed = (file: string) => (error: unknown) => {
  if (error instanceof GanderError) throw error;
  const message = error instanceof Error ? error.message : String(error);
  throw new GanderError("client-bad-input", `Cannot run ${file}: ${message}`, {
    hint: "`gander policy check --kernel live` says whether this kernel can carry out the policies.",
    cause: error,
  });
};

function problemOf(file: string, result: CaseResult, allowUndecided: boolean): readonly Problem[] {
  const { name, line, expected, verdict, why, trace = [] } = result;
  if (verdict === expected) return [];
  const place = { file, path: "", line, column: 5 };
  if (verdict === "undecided")
    return [
      {
        ...{ ...place, code: "policy-test-undecided", severity: allowUndecided ? "note" : "error" },
        message: `"${name}" is not decided without a kernel: ${why}`,
        hint: "Run it with `--kernel live`, or allow that with --allow-undecided.",
      },
    ];
  const message =
    verdict === "invalid"
      ? `"${name}" cannot be judged: ${why}`
      : `"${name}" is ${verdict}, and is expected to be ${expected}: ${why}`;
  return [
    {
      ...{ ...place, code: "policy-test-failed", severity: "error" },
      message,
      hint: traceText(trace),
    },
  ];
}

/** The call, then what was compared. */
const traceText = ([call, ...rest]: readonly string[]): string =>
  call === undefined ? "" : rest.length === 0 ? call : `${call}: ${rest.join("; ")}`;
