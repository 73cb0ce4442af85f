// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PlanInput, planRollout, type RolloutPlan } from "./rollout-plan.ts";
import { type RolloutProgress, readProgress, writeProgress } from "./rollout-progress.ts";

/** `3:everywhere 4:canary@0.2 5` → generations with their progress. */
function known(text: string): PlanInput["known"] {
  return text
    .split(" ")
    .filter((part) => part !== "")
    .map((part) => {
      const [generation, phase, below] = part.split(/[:@]/);
      const progress =
        phase === undefined
          ? undefined
          : readProgress(JSON.stringify({ phase, below: Number(below), wanted: 1 }));
      return { generation: Number(generation), progress };
    });
}

/** `5<0.2 3` → generation 5 for ranks below 0.2, 3 for the others. */
const shown = ({ phase, shares }: RolloutPlan) =>
  [
    phase,
    ...shares.map(({ generation, from, to }) =>
      from === 0 && to < 1 ? `${generation}<${to}` : generation,
    ),
  ].join(" ");

type Asked = Partial<PlanInput["settings"]> & { readonly isAccepted?: boolean };

function check(generation: number, text: string, asked: Asked, expected: string): void {
  const { isAccepted = true, ...settings } = asked;
  const plan = planRollout({
    generation,
    isAccepted,
    known: known(text),
    settings: {
      strategy: "all",
      isPaused: false,
      promote: undefined,
      abort: undefined,
      ...settings,
    },
  });
  expect(shown(plan)).toBe(expected);
}

const canary = { strategy: "canary" } as const;

describe("which nodes get which generation", () => {
  it.each<[string, number, string, Asked, string]>([
    ["all at once", 1, "1", {}, "everywhere 1"],
    ["… before anybody wrote it down", 2, "1:everywhere", {}, "everywhere 2"],
    ["a canary waits for the leader", 2, "1:everywhere 2", canary, "choosing 1"],
    ["… also the first generation", 1, "1", canary, "choosing"],
    ["a canary", 2, "1:everywhere 2:canary@0.2", canary, "canary 2<0.2 1"],
    ["… of the first generation", 1, "1:canary@0.2", canary, "canary 1<0.2"],
    ["… of all nodes", 2, "1:everywhere 2:canary@1", canary, "canary 2"],
    [
      "… goes on for those who didn't hear yet",
      2,
      "1:everywhere 2:canary@0.2",
      {},
      "canary 2<0.2 1",
    ],
    ["… promoted by annotation", 2, "1:everywhere 2:canary@0.2", { promote: 2 }, "everywhere 2"],
    [
      "… not by an old annotation",
      2,
      "1:everywhere 2:canary@0.2",
      { promote: 1 },
      "canary 2<0.2 1",
    ],
    ["… promoted for good", 2, "1:everywhere 2:everywhere", canary, "everywhere 2"],
    ["… superseded", 3, "1:everywhere 2:canary@0.2 3", canary, "choosing 1"],
    ["… paused", 2, "1:everywhere 2:canary@0.2", { isPaused: true }, "canary 2<0.2 1"],
    ["taken back by annotation", 2, "1:everywhere 2:everywhere", { abort: 2 }, "aborted 1"],
    ["… for good", 2, "1:everywhere 2:aborted", {}, "aborted 1"],
    ["… and given again", 2, "1:everywhere 2:aborted", { promote: 2 }, "everywhere 2"],
    ["… with nothing before", 1, "1:aborted", {}, "aborted"],
    ["… beats promoting", 2, "1:everywhere 2", { abort: 2, promote: 2 }, "aborted 1"],
    ["a generation after one that was taken back", 3, "1:everywhere 2:aborted", {}, "everywhere 3"],
    ["paused before it went", 2, "1:everywhere 2", { isPaused: true }, "held 1"],
    ["paused after it went", 2, "1:everywhere 2:everywhere", { isPaused: true }, "everywhere 2"],
    ["paused, but promoted", 2, "1:everywhere", { isPaused: true, promote: 2 }, "everywhere 2"],
    ["can't be used", 3, "1:everywhere 2:everywhere", { isAccepted: false }, "rejected 2"],
    ["… whatever is asked", 3, "2:everywhere", { isAccepted: false, promote: 3 }, "rejected 2"],
    ["… after a canary", 3, "1:everywhere 2:canary@0.2", { isAccepted: false }, "rejected 2<0.2 1"],
    [
      "… after one that was taken back",
      3,
      "1:everywhere 2:aborted",
      { isAccepted: false },
      "rejected 1",
    ],
    ["… after one that was held", 3, "1:everywhere 2", { isAccepted: false }, "rejected 1"],
    ["… with nothing before", 1, "", { isAccepted: false }, "rejected"],
  ])("%s", (_, generation, text, asked, expected) => check(generation, text, asked, expected));

  const progress: fc.Arbitrary<RolloutProgress | undefined> = fc.constantFrom(
    undefined,
    { phase: "everywhere" },
    { phase: "aborted" },
    { phase: "canary", below: 0.3, wanted: 1 },
  );
  const input = fc.record({
    generation: fc.integer({ min: 1, max: 5 }),
    isAccepted: fc.boolean(),
    settings: fc.record({
      strategy: fc.constantFrom("all" as const, "canary" as const),
      isPaused: fc.boolean(),
      promote: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      abort: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    }),
    known: fc
      .array(progress, { maxLength: 5 })
      .map((all) => all.map((one, i) => ({ generation: i + 1, progress: one }))),
  });

  it("is never more than one a node, never one that can't be used, and none only where none was", () => {
    fc.assert(
      fc.property(input, (one) => {
        const { shares } = planRollout(one);
        for (const [i, { from, to }] of shares.entries()) {
          expect(from).toBeLessThan(to);
          expect(from).toBe(shares[i - 1]?.to ?? 0);
        }
        if (!one.isAccepted)
          expect(shares.every(({ generation }) => generation < one.generation)).toBe(true);
        const stable = one.known.some(
          (of) => of.generation < one.generation && of.progress?.phase === "everywhere",
        );
        if (stable) expect(shares.at(-1)?.to).toBe(1);
      }),
    );
  });

  it("doesn't depend on the order in which generations are heard of", () => {
    fc.assert(
      fc.property(input, (one) => {
        const reversed = { ...one, known: [...one.known].reverse() };
        expect(planRollout(reversed)).toEqual(planRollout(one));
      }),
    );
  });
});

describe("progress", () => {
  it.each<RolloutProgress>([
    { phase: "everywhere" },
    { phase: "aborted" },
    { phase: "canary", below: 0.25, wanted: 3 },
    { phase: "canary", below: 1, wanted: 0, cleanSince: "2026-11-20T15:00:00.000Z" },
  ])("%j is read as it was written", (progress) => {
    expect(readProgress(writeProgress(progress))).toEqual(progress);
  });

  it.each([
    undefined,
    "",
    "{",
    "null",
    "[]",
    '{"phase":"done"}',
    '{"phase":"canary"}',
    '{"phase":"canary","below":0,"wanted":1}',
    '{"phase":"canary","below":2,"wanted":1}',
    '{"phase":"canary","below":0.5,"wanted":-1}',
  ])("%s is none", (text) => expect(readProgress(text)).toBeUndefined());
});
