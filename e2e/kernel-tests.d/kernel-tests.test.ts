// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { expect, it } from "vitest";
import { findKernelTests, kernelTests } from "./kernel-tests.ts";
import { alone, inFullOnly, isNamed, kernels, onBackports, onNewestOnly, runsOn } from "./plan.ts";

const caseFile = (name: string) => join(import.meta.dirname, "cases", `${name}.ts`);

it("gives each file its own result, whatever the others do to the guest", {
  timeout: 1_200_000,
}, async () => {
  const names = ["mounts", "passes", "exits", "panics", "fails"];
  const report = await kernelTests({
    kernels: ["6.12"],
    files: names.map(caseFile),
    matrix: "needed",
    guests: "one",
  });
  const found = report.results.map(({ file, counts: { passed, failed, skipped } }) => [
    file.replace("e2e/kernel-tests.d/cases/", ""),
    { passed, failed, skipped },
  ]);
  expect(found).toEqual([
    ["mounts.ts", { passed: 1, failed: 0, skipped: 0 }],
    ["passes.ts", { passed: 1, failed: 0, skipped: 1 }],
    ["exits.ts", { passed: 0, failed: 1, skipped: 0 }],
    ["panics.ts", { passed: 0, failed: 1, skipped: 0 }],
    ["fails.ts", { passed: 0, failed: 1, skipped: 0 }],
  ]);
  // One for what the mount would have disturbed, one after the kernel's death.
  expect(report.guests).toBe(3);
  expect(report.counts).toMatchObject({ passed: 2, failed: 3, skipped: 1 });
  expect(
    report.counts.failures.map(({ file, test }) => [file.replace(/.*cases\//, ""), test]),
  ).toEqual([
    ["passes.ts", "the run itself"],
    ["exits.ts", "the run itself"],
    ["fails.ts on 6.12", "fails"],
  ]);
});

it("knows every file that it has a rule for, and runs every file on the newest kernel", () => {
  const files = findKernelTests();
  const unused = [...onNewestOnly, ...inFullOnly, ...alone].filter(
    (rule) => !files.some((file) => isNamed([rule], file)),
  );
  expect(unused).toEqual([]);
  expect(onBackports.filter((file) => !files.includes(file))).toEqual([]);
  const leftOut = files.filter((file) => !runsOn(kernels.at(-1) ?? "", file));
  expect(leftOut.filter((file) => !isNamed(inFullOnly, file))).toEqual([]);
});
