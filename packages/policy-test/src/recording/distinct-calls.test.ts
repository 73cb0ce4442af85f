// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "vitest";
import { DistinctCalls } from "./distinct-calls.ts";
import type { RecordedCall } from "./recorded-call.ts";

const callOf = (text: string, second = 0, binary = "/a"): RecordedCall => ({
  ...{ hook: 0, args: [{ string_arg: text }], process: { binary, inInitTree: false } },
  time: `2026-11-23T10:00:0${second}.000000000Z`,
});

describe("distinct calls", () => {
  test("counts those that are alike, with the first and the last time", () => {
    const calls = new DistinctCalls({ maxCalls: 10, maxChars: 10_000 });
    for (const second of [2, 1, 3]) calls.add(callOf("a", second));
    calls.add(callOf("b"));
    calls.add(callOf("a", 5, "/b"));
    expect([...calls.lines()].filter((line) => "hook" in line)).toMatchObject([
      {
        args: [{ string_arg: "a" }],
        count: 3,
        first: /02/.source && expect.stringContaining(":02."),
        last: expect.stringContaining(":03."),
      },
      { args: [{ string_arg: "b" }], count: 1 },
      { args: [{ string_arg: "a" }], count: 1, process: 1 },
    ]);
    expect(calls).toMatchObject({ total: 5, size: 3, withoutRoom: 0 });
  });

  test("counts calls that have no room, and goes on with those that it knows", () => {
    const calls = new DistinctCalls({ maxCalls: 2, maxChars: 10_000 });
    for (const text of ["a", "b", "c", "d", "a"]) calls.add(callOf(text));
    expect(calls).toMatchObject({ total: 3, size: 2, withoutRoom: 2 });
  });

  test("keeps its texts within the bound, whatever comes", () => {
    const calls = new DistinctCalls({ maxCalls: 1_000_000, maxChars: 100_000 });
    for (let i = 0; i < 5_000; i++) calls.add(callOf(`${i}${"x".repeat(i % 300)}`, 0, `/${i}`));
    const text = [...calls.lines()].map((line) => JSON.stringify(line)).join("");
    // With counts and times beside them.
    expect(text.length).toBeLessThan(3 * 100_000);
    expect(calls.total + calls.withoutRoom).toBe(5_000);
    expect(calls.withoutRoom).toBeGreaterThan(1_000);
  });
});
