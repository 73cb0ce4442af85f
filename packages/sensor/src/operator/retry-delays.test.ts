// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { retryDelays } from "./retry-delays.ts";

const bounds = { firstMs: 1_000, mostMs: 5_000 };
const some = (jitter: "full" | "half", random: number) => {
  const delays = retryDelays({ ...bounds, jitter, random: () => random });
  return Array.from({ length: 5 }, () => delays.next());
};

it.each([
  ["full", 0, [0, 0, 0, 0, 0]],
  ["full", 0.5, [500, 1_000, 2_000, 2_500, 2_500]],
  ["full", 1, [1_000, 2_000, 4_000, 5_000, 5_000]],
  ["half", 0, [500, 1_000, 2_000, 2_500, 2_500]],
  ["half", 1, [1_000, 2_000, 4_000, 5_000, 5_000]],
] as const)("%s jitter at %d", (jitter, random, delays) => {
  expect(some(jitter, random)).toEqual(delays);
});

it("begins anew after it went well", () => {
  const delays = retryDelays({ ...bounds, jitter: "full", random: () => 1 });
  expect([delays.next(), delays.next()]).toEqual([1_000, 2_000]);
  delays.reset();
  expect(delays.next()).toBe(1_000);
});
