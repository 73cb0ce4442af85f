// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { cutText, listText, percentText, plural } from "./status-text.ts";

it("lists what there is room for", () => {
  expect(listText([], 10)).toBe("");
  expect(listText(["a", "b"], 10)).toBe("a; b");
  expect(listText(["aaaa", "bbbb", "cccc"], 10)).toBe("aaaa; bbbb; and 1 more");
  expect(listText(["a".repeat(20)], 10)).toBe(`${"a".repeat(9)}…`);
});

it("cuts between characters", () => {
  expect(cutText("🦢🦢🦢", 3)).toBe("🦢🦢🦢");
  expect(cutText("🦢🦢🦢", 2)).toBe("🦢…");
});

it("counts in words", () => {
  expect([plural(0, "node"), plural(1, "node")]).toEqual(["0 nodes", "1 node"]);
  expect([
    percentText(999, 1000),
    percentText(1, 1000),
    percentText(0, 5),
    percentText(5, 5),
  ]).toEqual(["99 %", "1 %", "0 %", "100 %"]);
});
