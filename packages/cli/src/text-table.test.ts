// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { textTable } from "./text-table.ts";

const header = ["NAME", "MODE", "HITS", "LOST", "MEMORY"];
const rows = [
  ["one", "enforce", "12", "0", "4 KiB"],
  ["another", "monitor", "1000", "0", "12 KiB"],
];

function table(width?: number) {
  const dispensable = ["MEMORY", "MODE", "LOST"];
  return textTable(header, rows, { right: ["HITS", "LOST", "MEMORY"], width, dispensable });
}

describe("textTable", () => {
  it("is as wide as it must be", () => {
    expect(table()).toEqual({
      text: [
        "NAME     MODE     HITS  LOST  MEMORY",
        "one      enforce    12     0   4 KiB",
        "another  monitor  1000     0  12 KiB",
      ].join("\n"),
      leftOut: [],
    });
    expect(table(36).leftOut).toEqual([]);
  });

  it("leaves out what says nothing, then what says least", () => {
    expect(table(35).leftOut).toEqual(["LOST"]);
    expect(table(29).leftOut).toEqual(["LOST", "MEMORY"]);
    expect(table(5)).toEqual({
      text: "NAME     HITS\none        12\nanother  1000",
      leftOut: ["LOST", "MEMORY", "MODE"],
    });
  });
});
