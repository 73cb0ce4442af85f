// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { describeNewPods, newPodsReport } from "./new-pods.ts";

describe("new pods in gander status", () => {
  it.each([
    [
      { mode: "hold", limit_ms: 2000, held_now: 1, held: "12", ran_early: "3" },
      "new pods: hold, at most 2000 ms: 1 processes held now, 12 so far; 3 processes ran before the policies of their pod",
    ],
    [
      { mode: "observe", limit_ms: 2000, ran_early: "7" },
      "new pods: observe: 7 processes ran before the policies of their pod",
    ],
  ])("%j", (message, line) => {
    expect(describeNewPods(newPodsReport(message))).toBe(line);
  });
});
