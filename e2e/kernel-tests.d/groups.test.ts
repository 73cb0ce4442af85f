// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { groupFiles, longestFirst } from "./groups.ts";

const durations = { a: 60, b: 70, c: 40, alone: 5, long: 500, d: 10 };

it("shares guests among neighbours, up to a limit, and lets the longest begin", () => {
  const isAlone = (file: string) => file === "alone";
  const files = ["a", "b", "alone", "c", "long", "d", "new"];
  const groups = groupFiles(files, { kernel: "6.1", durations, isAlone });
  expect(groups.map((group) => group.files)).toEqual([
    ["a", "b"],
    ["alone"],
    ["c"],
    ["long"],
    ["d", "new"],
  ]);
  expect(longestFirst(groups).map((group) => group.expectedSeconds)).toEqual([500, 130, 70, 40, 5]);
});
