// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createMonotonicClock } from "./monotonic-clock.ts";

function clockAt(steps: readonly (readonly [runningMs: number, boottimeS: number])[]): number[] {
  let at = 0;
  const now = createMonotonicClock({
    running: () => steps[at]?.[0] ?? 0,
    boottime: () => steps[at]?.[1] ?? 0,
  });
  return steps.map((_, index) => {
    at = index;
    return now();
  });
}

it("follows the running clock while the machine is awake", () => {
  expect(
    clockAt([
      [500, 10],
      [600.5, 10.1],
      [1700, 11.2],
    ]),
  ).toEqual([0, 100.5, 1200]);
});

it("counts the time a machine slept", () => {
  expect(
    clockAt([
      [500, 10],
      [600, 70],
    ])[1],
  ).toBe(60_000);
});

it("never goes back, whatever its sources do", () => {
  expect(
    clockAt([
      [500, 10],
      [900, 10.4],
      [700, 9],
    ])[2],
  ).toBe(400);
});
