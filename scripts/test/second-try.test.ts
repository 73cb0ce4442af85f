// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { type Counts, noCounts } from "./counts.ts";
import { afterSecondTry, forSecondTry } from "./second-try.ts";

const failure = { file: "a.test.ts", test: "waits", message: "too late" };
const first: Counts = { ...noCounts, passed: 9, failed: 1, skipped: 2, failures: [failure] };

test("what passes the second time has passed, and is shown as unsteady", () => {
  expect(afterSecondTry(first, { ...noCounts, passed: 3 })).toEqual({
    passed: 10,
    failed: 0,
    skipped: 2,
    failures: [],
    unsteady: [failure],
  });
});

test("what fails again, or does not run again, has failed", () => {
  expect(afterSecondTry(first, { ...noCounts, passed: 2, failed: 1 })).toBe(first);
  expect(afterSecondTry(first, noCounts)).toBe(first);
});

test("only a few files get a second try, and only where it is allowed", () => {
  expect(forSecondTry(["a", "b"], true)).toEqual(["a", "b"]);
  expect(forSecondTry(["a", "b"], false)).toEqual([]);
  expect(forSecondTry(["a", "b", "c", "d", "e"], true)).toEqual([]);
});
