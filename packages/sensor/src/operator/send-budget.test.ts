// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { sendBudget } from "./send-budget.ts";

/** What the operator allows: 50 at once, 5 a second. */
function operatorsBudget(now: () => number) {
  let left = 50;
  let filledAt = now();
  return () => {
    left = Math.min(50, left + ((now() - filledAt) / 1000) * 5);
    filledAt = now();
    left -= 1;
    return left >= 0;
  };
}

it("whoever sends as fast as it lets stays within what the operator reads", () => {
  let at = 0;
  const [own, theirs] = [sendBudget(() => at), operatorsBudget(() => at)];
  let sent = 0;
  // The Hello, which isn't counted here.
  expect(theirs()).toBe(true);
  for (; at < 120_000; at += 10) {
    while (own.tryTake()) {
      sent++;
      expect(theirs(), `message ${sent} at ${at} ms`).toBe(true);
    }
  }
  expect(sent).toBeGreaterThan(4 * 119);
});

it("says how long to wait", () => {
  let at = 0;
  const budget = sendBudget(() => at);
  while (budget.tryTake());
  expect([budget.waitMs(), budget.has(1)]).toEqual([250, false]);
  at = 250;
  expect([budget.waitMs(), budget.tryTake(), budget.tryTake()]).toEqual([0, true, false]);
});
