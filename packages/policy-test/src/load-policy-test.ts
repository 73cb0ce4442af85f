// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Problem, Result } from "@gander/base";
import { type CheckedPolicy, type CheckedSet, checkPolicyFile, useSets } from "@gander/policy";
import { type PolicyTest, readPolicyTest } from "./policy-test.ts";

/** A test, and the policies that it names, with the values of their sets. */
export type LoadedTest = {
  readonly file: string;
  readonly source: string;
  readonly test: PolicyTest;
  readonly policies: readonly CheckedPolicy[];
};

/** Reads a gander-test.yaml and the files that it names, which are relative to it. */
export function loadPolicyTest(file: string): Result<LoadedTest> {
  const text = readText(file);
  if (text.value === undefined) return text;
  const read = readPolicyTest(text.value, file);
  if (read.value === undefined) return read;
  const test = read.value;
  const files = test.policies.map((name) => {
    const path = join(dirname(file), name);
    const content = readText(path);
    return content.value === undefined ? content : checkPolicyFile(content.value, { file: path });
  });
  const given = Object.entries(test.sets).map(
    ([name, values]): CheckedSet => ({ name, values, file: "", places: [] }),
  );
  const sets = [...given, ...files.flatMap(({ value }) => value?.sets ?? [])];
  const known = new Map(sets.map((set) => [set.name, set]));
  const resolved = files
    .flatMap(({ value }) => value?.policies ?? [])
    .map((policy) => useSets(policy, known));
  const problems = [...files, ...resolved].flatMap((one) => one.problems ?? []);
  if (problems.length > 0) return { problems };
  return {
    value: {
      file,
      source: text.value,
      test,
      policies: resolved.flatMap(({ value }) => value ?? []),
    },
  };
}

function readText(file: string): Result<string> {
  try {
    return { value: readFileSync(file, "utf8") };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { problems: [{ ...unreadable, file, message: `Cannot read it: ${message}` }] };
  }
}

const unreadable: Omit<Problem, "file" | "message"> = {
  ...{ path: "", line: 0, column: 0, code: "client-bad-input", hint: "", severity: "error" },
};
