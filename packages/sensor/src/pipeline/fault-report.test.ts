// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { describe, expect, it } from "vitest";
import { newFaults, reportFaults } from "./fault-report.ts";

describe("newFaults", () => {
  it.each([
    [{}, {}, undefined],
    [{ a: 1n }, { a: 1n }, undefined],
    [{ a: 1n }, { a: 3n, b: 0n, c: 2n }, { a: "2", c: "2" }],
  ])("%s → %s", (before, now, expected) => expect(newFaults(before, now)).toEqual(expected));
});

describe("reportFaults", () => {
  it("logs each growth once, and ends when it is told to", async () => {
    const counts = [{ full: 5n }, { full: 5n }, { full: 7n }, { full: 7n }];
    const lines: string[] = [];
    const stop = new AbortController();
    const read = () => {
      const next = counts.shift();
      if (next === undefined) stop.abort();
      return next ?? { full: 7n };
    };
    const logger = createLogger({ write: (line) => void lines.push(line) });
    await reportFaults(read, logger, { periodMs: 1, signal: stop.signal });
    expect(lines.map((line) => JSON.parse(line).faults)).toEqual([{ full: "2" }]);
  });
});
