// SPDX-License-Identifier: Apache-2.0
// The policy library under the reference engine: each case ends as its file says.
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadPolicyTest } from "./load-policy-test.ts";
import { runReference } from "./reference/index.ts";

const library = join(import.meta.dirname, "../../../policies");
const files = globSync("*/*/gander-test.yaml", { cwd: library }).toSorted();

describe("the policy library", () => {
  it("has tests", () => expect(files.length).toBeGreaterThan(40));

  it.each(files)("%s", (file) => {
    const { value, problems } = loadPolicyTest(join(library, file));
    expect(problems).toBeUndefined();
    const policies = value?.policies.map(({ compiled }) => compiled) ?? [];
    const results = runReference(value?.test.cases ?? [], policies);
    const wrong = results.filter(({ expected, verdict }) => expected !== verdict);
    expect(
      wrong.map(
        (one) =>
          `${dirname(file)}: ${one.name}: ${one.expected}, is ${one.verdict} ${one.why}\n  ${one.trace?.join("\n  ")}`,
      ),
    ).toEqual([]);
  });
});
