// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { limits as policyLimits } from "@gander/policy";
import { expect, it } from "vitest";
import { limits } from "./abi.gen.ts";

const page = readFileSync(new URL("../../../../docs/policies.md", import.meta.url), "utf8");

it.each([
  ["policies", `${limits.MAX_POLICIES}`],
  ["hook entries of policies; on one function", `${limits.MAX_RULES}; ${limits.HOOK_RULES}`],
  ["selectors; filters", `${limits.MAX_COUNTS - 1}; ${limits.MAX_ROWS - 1}`],
  ["functions and events with a hook", `${limits.MAX_HOOKS - 1}`],
  [
    "combinations of policies that workloads have; of entries on one function that they have",
    `${limits.MAX_GROUPS - 1}; ${limits.MAX_APPLICATIONS - 1}`,
  ],
  [
    "ways in which policies read the arguments of one function; paths to values",
    `${limits.HOOK_SLOTS}; ${limits.MAX_ROUTES - 1}`,
  ],
  [
    "different changes of registers by `Override`, each counted by its registers",
    `${limits.MAX_ASSIGNMENTS - 1}`,
  ],
  ["different workloads in `matchWorkloads`", `${limits.MAX_WORKLOADS}`],
  ["selectors with `matchCount`", `${limits.MAX_CONDITIONS}`],
  ["different lists of `followChildren` and `followForks`", `${limits.FOLLOW_BITS}`],
  [
    "sets of rules that values leave (for the [filters that are looked up](#operators-of-matchargs))",
    `${limits.MAX_BITSETS - 1}`,
  ],
])("docs/policies.md: at most so many %s", (what, most) => {
  expect(page).toContain(`| ${what} | ${most} |`);
});

it("as many selectors have a verdict as have a counter", () => {
  expect(limits.MAX_VERDICTS).toBe(limits.MAX_COUNTS);
});

it("as many registers may change as a verdict has room for", () => {
  expect(policyLimits.assignments).toBe(limits.VERDICT_ASSIGNMENTS);
});
