// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { lineDiff, unifiedDiff } from "./line-diff.ts";

const diff = (before: string, after: string) =>
  lineDiff([...before], [...after])
    .map(({ mark, text }) => `${mark}${text}`)
    .join("");

describe("line diff", () => {
  it.each([
    ["", "", ""],
    ["abc", "abc", " a b c"],
    ["", "ab", "+a+b"],
    ["ab", "", "-a-b"],
    ["abc", "axc", " a-b+x c"],
    ["abcabba", "cbabac", null],
    ["aab", "ab", null],
  ])("%s to %s", (before, after, expected) => {
    const lines = lineDiff([...before], [...after]);
    const without = (mark: string) =>
      lines
        .filter((line) => line.mark !== mark)
        .map(({ text }) => text)
        .join("");
    expect(without("+")).toBe(before);
    expect(without("-")).toBe(after);
    if (expected !== null) expect(diff(before, after)).toBe(expected);
  });

  it("takes and gives as few lines as can be", () => {
    const changes = lineDiff([..."abcabba"], [..."cbabac"]).filter(({ mark }) => mark !== " ");
    expect(changes.length).toBe(5);
  });

  it("is shown with what is around, and where it is", () => {
    const before = Array.from({ length: 20 }, (_, at) => `line ${at + 1}`);
    const after = before.with(9, "other").concat("end");
    expect(unifiedDiff(lineDiff(before, after))).toEqual([
      "@@ -7,7 +7,7 @@",
      " line 7",
      " line 8",
      " line 9",
      "-line 10",
      "+other",
      " line 11",
      " line 12",
      " line 13",
      "@@ -18,3 +18,4 @@",
      " line 18",
      " line 19",
      " line 20",
      "+end",
    ]);
    expect(unifiedDiff(lineDiff(before, before))).toEqual([]);
  });
});
