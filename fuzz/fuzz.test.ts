// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from "vitest";
import { fuzz } from "./src/fuzz.ts";
import { nativeTargets, targets } from "./targets/index.ts";

vi.setConfig({ testTimeout: 120_000 });

/** `make fuzz` uses other seeds; the same seed gives the same inputs in the same order. */
const seed = 7;

it.each(targets)("$name: nothing is thrown, nothing is slow", (target) => {
  const { finding, runs } = fuzz(target, { seed, forMs: 1000 });
  expect(finding?.what, `seed ${seed}, input ${runs}: ${finding?.input.toString("base64")}`).toBe(
    undefined,
  );
  expect(runs).toBeGreaterThan(1);
});

it.each([...targets, ...nativeTargets])("$name: its seeds are inputs of many kinds", (target) => {
  const outcomes = new Set(target.seeds().map((input) => target.run(input)));
  expect(outcomes.size).toBeGreaterThan(1);
});
