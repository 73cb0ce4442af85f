// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { createHitCounter } from "./hit-counter.ts";

describe("createHitCounter", () => {
  it("adds up calls of all applications that held a rule, over changes of the tables", () => {
    // By side and application; application 0 is never used.
    const calls = [
      [0n, 5n, 7n],
      [0n, 100n],
    ];
    const hits = createHitCounter((side, application) => calls[side]?.[application] ?? 0n);
    const side = { sets: [], followed: [], remembered: [], conditions: [] };
    hits.begin({ ...side, side: 0, applications: [[], [1, 2], [2]] });
    expect([hits.hits(1), hits.hits(2), hits.hits(3)]).toEqual([5n, 12n, 0n]);
    hits.begin({ ...side, side: 1, applications: [[], [2, 3]] });
    expect([hits.hits(1), hits.hits(2), hits.hits(3)]).toEqual([5n, 112n, 100n]);
    hits.fold(0);
    calls[0] = [0n, 0n, 0n];
    expect([hits.hits(1), hits.hits(2), hits.hits(3)]).toEqual([5n, 112n, 100n]);
  });

  it("goes on where another one has stopped", () => {
    const calls = [
      [0n, 5n],
      [0n, 100n],
    ];
    const read = (side: number, application: number) => calls[side]?.[application] ?? 0n;
    const first = createHitCounter(read);
    first.begin({
      side: 0,
      applications: [[], [1]],
      sets: [],
      followed: [],
      remembered: [],
      conditions: [],
    });
    first.fold(0);
    first.begin({
      side: 1,
      applications: [[], [1]],
      sets: [],
      followed: [],
      remembered: [],
      conditions: [],
    });
    const second = createHitCounter(read, structuredClone(first.snapshot()));
    expect(second.hits(1)).toBe(105n);
    second.keepOnly(new Set());
    second.fold(1);
    expect(second.hits(1)).toBe(100n);
  });
});
