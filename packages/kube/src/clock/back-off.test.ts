// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { backOffMs } from "./back-off.ts";

it("doubles, spread over the upper half of each step", () => {
  const at = (attempt: number, random: number) =>
    backOffMs(attempt, { baseMs: 100, maxMs: 1000, random: () => random });
  expect([at(0, 0), at(0, 0.5), at(1, 0), at(2, 0), at(9, 0)]).toEqual([50, 75, 100, 200, 500]);
});

it("stays within its bounds after any number of failures", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
      const ms = backOffMs(attempt, { baseMs: 200, maxMs: 30_000, random: () => random });
      expect(ms).toBeGreaterThanOrEqual(100);
      expect(ms).toBeLessThanOrEqual(30_000);
    }),
  );
});
