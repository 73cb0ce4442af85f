// SPDX-License-Identifier: Apache-2.0
import { basename } from "node:path";
import type { Problem } from "@gander/base";
import { type LoadedTest, loadPolicyTest } from "@gander/policy-test";
import type { FileReport } from "../check/file-report.ts";
import { type FoundFile, findFiles } from "../check/find-files.ts";

/** A test that can be run, or the report that says why it can't. */
export type FoundTest =
  | { readonly test: LoadedTest; readonly report?: never }
  | { readonly report: FileReport; readonly test?: never };

/** Files, directories and patterns → their tests. In a directory these are the files named `…gander-test.yaml`. */
export async function findTests(paths: readonly string[]): Promise<readonly FoundTest[]> {
  const found = (await findFiles(paths)).filter(
    ({ path, named }) => named || /gander-test\.ya?ml$/.test(basename(path)),
  );
  if (found.length === 0) return [{ report: withoutTests(paths[0] ?? "") }];
  return found.map(load);
}

function load({ path, refused }: FoundFile): FoundTest {
  if (refused !== undefined)
    return {
      report: withProblems(path, [{ ...unread(path), message: `Cannot read it: ${refused}` }]),
    };
  const { value, problems } = loadPolicyTest(path);
  return value === undefined ? { report: withProblems(path, problems) } : { test: value };
}

function withProblems(file: string, problems: readonly Problem[]): FileReport {
  const isUnread = problems.some(({ code }) => code === "client-bad-input");
  return {
    ...{ file, problems, origin: "file", source: "", policies: [], cases: [] },
    state: isUnread ? "unread" : "checked",
  };
}

const unread = (file: string): Problem => ({
  ...{ file, path: "", line: 0, column: 0, severity: "error" },
  ...{ code: "client-bad-input", message: "", hint: "" },
});

/** A run of nothing must not look like one that passed. */
const withoutTests = (file: string): FileReport =>
  withProblems(file, [
    {
      ...unread(file),
      message: "There is no gander-test.yaml below these paths",
      hint: "Name a directory that has one beside its policies; `gander policy test --init POLICY` writes a first one.",
    },
  ]);
