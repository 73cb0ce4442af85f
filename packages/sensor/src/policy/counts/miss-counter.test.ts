// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { createMissCounter } from "./miss-counter.ts";

describe("missed calls", () => {
  const hooks = new Map<number, bigint>();
  const missedCalls = (hook: number) => hooks.get(hook) ?? 0n;
  const rule = (id: number, hookId: number) => ({ id, hookId });

  it("are those of the time in which a rule was in force", () => {
    hooks.set(1, 100n);
    const misses = createMissCounter(missedCalls);
    misses.begin([rule(10, 1)]);
    expect(misses.missed(10)).toBe(0n);
    hooks.set(1, 103n);
    misses.begin([rule(10, 1), rule(11, 1)]);
    hooks.set(1, 105n);
    expect([10, 11, 12].map((id) => misses.missed(id))).toEqual([5n, 2n, 0n]);
    // Disabled, and enabled again.
    misses.begin([rule(11, 1)]);
    hooks.set(1, 200n);
    misses.begin([rule(10, 1), rule(11, 1)]);
    hooks.set(1, 201n);
    expect([10, 11].map((id) => misses.missed(id))).toEqual([6n, 98n]);
    misses.begin([rule(11, 1)]);
    misses.keepOnly(new Set([11]));
    expect([10, 11].map((id) => misses.missed(id))).toEqual([0n, 98n]);
  });

  it("are those of each hook in turn, if the rule moves to another", () => {
    hooks.set(1, 10n).set(2, 50n);
    const misses = createMissCounter(missedCalls);
    misses.begin([rule(10, 1)]);
    hooks.set(1, 13n);
    misses.begin([rule(10, 2)]);
    hooks.set(1, 99n).set(2, 52n);
    expect(misses.missed(10)).toBe(5n);
  });

  it("are known to the next sensor", () => {
    hooks.set(1, 10n);
    const before = createMissCounter(missedCalls);
    before.begin([rule(10, 1), rule(11, 1)]);
    hooks.set(1, 14n);
    before.begin([rule(11, 1)]);
    const after = createMissCounter(missedCalls, before.snapshot());
    hooks.set(1, 17n);
    expect([10, 11].map((id) => after.missed(id))).toEqual([4n, 7n]);
  });
});
