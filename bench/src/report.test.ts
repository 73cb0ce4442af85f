// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { figure } from "./figure.ts";
import { formatFigures, formatValue } from "./report.ts";

it.each([
  [1234.4, "instructions", "1,234"],
  [123_456_789, "instructions", "123.5 M"],
  [4096, "bytes", "4,096 B"],
  [94_371_840, "bytes", "90.0 MiB"],
  [1_500_000, "ns", "1.50 ms"],
  [66_667, "per second", "66,667/s"],
] as const)("writes %d %s as %s", (value, unit, text) =>
  expect(formatValue(value, unit)).toBe(text),
);

it("says which bars are met", () => {
  const figures = [
    figure({ id: "a", what: "one thing", unit: "instructions", bar: 300 }, [280, 281, 279]),
    figure({ id: "b", what: "another", unit: "instructions", bar: 300 }, [301]),
    figure({ id: "c", what: "no bar", unit: "bytes" }, [1]),
  ];
  expect(formatFigures(figures).split("\n")).toEqual([
    "           median  from … to    bar",
    "one thing     280  279 … 281  ≤ 300     met",
    "another       301             ≤ 300  MISSED",
    "no bar        1 B",
  ]);
});
