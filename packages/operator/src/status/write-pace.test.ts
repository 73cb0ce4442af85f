// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { defaultPace, writeDelayMs } from "./write-pace.ts";

const status = (reason: string, hits: number) => ({
  policy: { observedGeneration: 1, mode: undefined, conditions: [], hits },
  rollUp: {
    hits,
    conditions: [
      { type: "Ready", status: "True" as const, reason, message: "", lastTransitionTime: "" },
    ],
  },
});

it.each<[string, Parameters<typeof writeDelayMs>[0], number | undefined, number | undefined]>([
  ["what was never written", {}, undefined, 0],
  ["what another wrote", status("B", 1), undefined, 0],
  ["what is shown", status("A", 1), undefined, undefined],
  ["what is shown and was written just now", status("A", 1), 10_000, undefined],
  ["a change after a while", status("B", 1), 8_000, 0],
  ["a change right after the last", status("B", 1), 9_500, 1_500],
  ["counts after a while", status("A", 9), 8_000, 28_000],
  ["counts after a long while", status("A", 9), -20_000, 0],
  ["a change with counts", status("B", 9), 9_500, 1_500],
])("writes %s", (_, shown, writtenMs, expected) => {
  const times = { writtenMs, nowMs: 10_000, pace: defaultPace };
  // As the API gives it back.
  const asShown = JSON.parse(JSON.stringify(shown));
  expect(writeDelayMs(asShown, status("A", 1), times)).toBe(expected);
});
