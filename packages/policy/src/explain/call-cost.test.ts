// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { measured } from "./call-cost.ts";

const page = (name: string) =>
  readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), "utf8");

/** What the pages call each figure. */
const rows: Readonly<Record<keyof typeof measured, { page: string; row: RegExp }>> = {
  functions: { page: "performance.md", row: /policy on `security_file_permission` for another/ },
  lsm: { page: "performance.md", row: /policy on `security_file_permission` for another/ },
  number: { page: "performance.md", row: /filtered out by a number/ },
  binary: { page: "performance.md", row: /filtered out by the binary/ },
  path: { page: "performance.md", row: /filtered out by the path/ },
  peer: { page: "performance.md", row: /allow lists let pass: observed/ },
  posted: { page: "performance.md", row: /matched and posted/ },
  programs: { page: "policies.md", row: /Every call of the function costs/ },
  programsWithReturn: { page: "policies.md", row: /Every call of the function costs/ },
  single: { page: "policies.md", row: /those that ask alike are evaluated one by one/ },
};

describe("the costs that explanations name", () => {
  it.each(Object.entries(rows))("%s is in the documentation", (name, { page: file, row }) => {
    const line = page(file)
      .split("\n")
      .find((text) => row.test(text));
    const figure = measured[name as keyof typeof measured].toLocaleString("en");
    expect(line).toMatch(new RegExp(`(?<![\\d,])${figure}(?![\\d,])`));
  });
});
