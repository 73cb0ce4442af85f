// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { figure, isMet, median } from "./figure.ts";

describe("median", () => {
  it.each([
    [[3], 3],
    [[1, 9, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])("of %j is %d", (samples, expected) => expect(median(samples)).toBe(expected));
});

describe("figure", () => {
  const options = { id: "x", what: "an x", unit: "ns" } as const;
  it("keeps its samples", () =>
    expect(figure({ ...options, bar: 5 }, [7, 1, 3])).toEqual({
      ...options,
      bar: 5,
      value: 3,
      samples: [7, 1, 3],
    }));
  it.each([[[]], [[1, Number.NaN]]])("refuses %j", (samples) =>
    expect(() => figure(options, samples)).toThrow("Cannot measure x"),
  );
  it("meets its bar, or has none", () => {
    expect(isMet(figure({ ...options, bar: 3 }, [3]))).toBe(true);
    expect(isMet(figure({ ...options, bar: 2 }, [3]))).toBe(false);
    expect(isMet(figure(options, [3]))).toBeUndefined();
  });
});
