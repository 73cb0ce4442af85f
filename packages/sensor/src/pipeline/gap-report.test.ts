// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { expect, it } from "vitest";
import { noPolicyCounts } from "../policy/counts/counters.ts";
import { reportGaps } from "./gap-report.ts";

it("tells once of each policy and cause that calls went unjudged, and ends when it is told to", async () => {
  const guard = (missed: bigint, unevaluated: bigint, revision = 1) => ({
    ...({ id: 1, revision, name: "guard", namespace: "", mode: "enforce" } as const),
    counters: { ...noPolicyCounts, missed, unevaluated },
  });
  const states = [
    guard(0n, 0n),
    guard(5n, 0n),
    guard(9n, 0n),
    guard(9n, 1n),
    guard(9n, 2n),
    guard(1n, 0n, 2),
  ];
  const lines: string[] = [];
  const stop = new AbortController();
  const list = () => {
    const next = states.shift();
    if (next === undefined) stop.abort();
    return next === undefined ? [] : [next];
  };
  const logger = createLogger({ write: (line) => void lines.push(line) });
  await reportGaps(list, logger, { periodMs: 1, signal: stop.signal });
  expect(
    lines.map((line) => {
      const { policy, missed, unevaluated } = JSON.parse(line);
      return [policy, missed, unevaluated];
    }),
  ).toEqual([
    ["guard", "5", "0"],
    ["guard", "9", "1"],
    ["guard", "1", "0"],
  ]);
});
