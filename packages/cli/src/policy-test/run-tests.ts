// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
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
  { only, allowUndecided }: RunOptions,
): Promise<readonly FileReport[]> {
  const chosen = found.map(({ test, report }) => ({ test: test && withCases(test, only), report }));
  const tests = chosen.flatMap(({ test }) => test ?? []);
  const results = await engine.run(tests);
  return chosen.map(({ test, report }) =>
    test === undefined
      ? (report as FileReport)
      : reportOf(test, results[tests.indexOf(test)] ?? [], allowUndecided),
  );
}

function withCases(loaded: LoadedTest, only: RegExp | undefined): LoadedTest {
  const { test } = loaded;
  const cases = test.cases.filter(
    ({ name }) => only?.test(`${test.metadata.name}/${name}`) ?? true,
  );
  return { ...loaded, test: { ...test, cases } };
}

const reportOf = (
  { file, source, test, policies }: LoadedTest,
  cases: readonly CaseResult[],
  allowUndecided: boolean,
): FileReport => ({
  ...{ file, source, policies, cases, origin: "file", state: "checked" },
  name: test.metadata.name,
  problems: cases.flatMap((result) => [
    ...problemOf(file, result, allowUndecided),
    ...differenceOf(file, result),
  ]),
});

function problemOf(file: string, result: CaseResult, allowUndecided: boolean): readonly Problem[] {
  const { name, line, expected, verdict, why, trace = [] } = result;
  if (verdict === expected) return [];
  const place = { file, path: "", line, column: 5 };
  if (verdict === "undecided")
    return [
      {
        ...{ ...place, code: "policy-test-undecided", severity: allowUndecided ? "note" : "error" },
        message: `"${name}" is not decided: ${why}`,
        hint: "Run it with `--kernel live` or `--kernel vm`, or allow that with --allow-undecided.",
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

/** Of the model: whom it says something else, the kernel has decided otherwise. */
function differenceOf(
  file: string,
  { name, line, verdict, model }: CaseResult,
): readonly Problem[] {
  if (model === undefined) return [];
  return [
    {
      ...{ file, path: "", line, column: 5, code: "policy-test-differs", severity: "warning" },
      message: `"${name}" is ${verdict} on this kernel, and ${model.verdict} without one: ${model.why}`,
      hint: traceText(model.trace ?? []),
    },
  ];
}

/** The call, then what was compared. */
const traceText = ([call, ...rest]: readonly string[]): string =>
  call === undefined ? "" : rest.length === 0 ? call : `${call}: ${rest.join("; ")}`;
