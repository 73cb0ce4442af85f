// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import type { Problem } from "@gander/base";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../src/index.ts";
import { readExpectations } from "./expectations.ts";

/** Each file says by comments which problems it has: all of them are found, and no others. */
function compare(text: string, problems: readonly Problem[]): void {
  const expected = readExpectations(text);
  expect(expected.length, "the file names no problem").toBeGreaterThan(0);
  const found = problems.map(
    ({ line, column, severity, code }) => `${line}:${column} ${severity} ${code}`,
  );
  expect(found.toSorted()).toEqual(
    expected.map(({ place, severity, code }) => `${place} ${severity} ${code}`).toSorted(),
  );
  for (const { place, code, hint } of expected) {
    const hints = problems
      .filter((problem) => `${problem.line}:${problem.column}` === place && problem.code === code)
      .map((problem) => problem.hint);
    expect(hints).toContainEqual(expect.stringContaining(hint));
  }
}

const textsIn = (path: string) => {
  const directory = new URL(path, import.meta.url);
  return readdirSync(directory)
    .sort()
    .map((name) => [name, readFileSync(new URL(name, directory), "utf8")] as const);
};

describe("broken policies are refused", () => {
  const files = textsIn("./fixtures/broken/");
  it.each(files)("%s", (file, text) => {
    const { value, problems = [] } = checkPolicy(text, { file });
    expect(value).toBeUndefined();
    compare(text, problems);
  });
  it("there are enough of them", () => expect(files.length).toBeGreaterThanOrEqual(40));
});

describe("doubtful policies are accepted with a warning", () => {
  it.each(textsIn("./fixtures/warned/"))("%s", (file, text) => {
    const { value, problems } = checkPolicy(text, { file });
    expect(problems).toBeUndefined();
    compare(text, value?.flatMap(({ warnings }) => warnings) ?? []);
  });
});
