// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { GrowingTotal } from "./growing-total.ts";

it("never falls, whatever comes and goes or begins anew", () => {
  const total = new GrowingTotal<string>();
  const steps = [
    [{ a: 5, b: 7 }, 12],
    [{ a: 6, b: 7 }, 13],
    [{ a: 6 }, 13],
    [{ a: 8, c: 1 }, 16],
    [{ a: 2, c: 1 }, 18],
    [{}, 18],
    [{ b: 1 }, 19],
  ] as const;
  for (const [counts, expected] of steps)
    expect(total.update(Object.entries(counts))).toBe(expected);
});
