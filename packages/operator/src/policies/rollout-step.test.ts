// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeRank } from "../workloads/policy-share.ts";
import { planRollout } from "./rollout-plan.ts";
import type { RolloutProgress } from "./rollout-progress.ts";
import { type CanaryState, type StepInput, stepRollout } from "./rollout-step.ts";

const now = Date.parse("2026-11-20T15:00:00Z");
const settings = {
  strategy: "canary",
  canary: { fraction: 0.1 },
  canaryMs: 60_000,
  isPaused: false,
} as const;
const nodes =
  (count: number, connected: (i: number) => boolean = () => true) =>
  () =>
    new Map(Array.from({ length: count }, (_, i) => [`node-${i}`, connected(i)]));
const fine: CanaryState = { nodes: 3, ready: 3, pending: 0, bad: 0 };
const canary = { phase: "canary", below: 0.1, wanted: 3 } as const;

const step = (input: Partial<StepInput>) =>
  stepRollout({
    uid: "p",
    phase: "canary",
    progress: canary,
    settings,
    candidates: nodes(30),
    canary: fine,
    nowMs: now,
    ...input,
  });

const since = (ms: number) => ({ ...canary, cleanSince: new Date(now - ms).toISOString() });

describe("a canary", () => {
  it.each<[string, Partial<StepInput>, RolloutProgress | undefined]>([
    ["that does well is timed", {}, since(0)],
    ["is timed from when it began to", { progress: since(59_999) }, since(59_999)],
    ["goes everywhere when the time is over", { progress: since(60_000) }, { phase: "everywhere" }],
    [
      "that fails is timed no more",
      { progress: since(70_000), canary: { ...fine, bad: 1 } },
      canary,
    ],
    [
      "that is unanswered neither",
      { progress: since(70_000), canary: { ...fine, pending: 1 } },
      canary,
    ],
    [
      "that lost a sensor neither",
      { progress: since(70_000), canary: { ...fine, ready: 2 } },
      canary,
    ],
    [
      "that lost a node goes on",
      { progress: since(60_000), canary: { ...fine, nodes: 2, ready: 2 } },
      { phase: "everywhere" },
    ],
    [
      "that is paused goes no further",
      { progress: since(70_000), settings: { ...settings, isPaused: true } },
      since(70_000),
    ],
    [
      "that is wanted no more goes everywhere",
      { settings: { ...settings, strategy: "all" }, canary: { ...fine, bad: 3 } },
      { phase: "everywhere" },
    ],
  ])("%s", (_, input, expected) => expect(step(input).progress).toEqual(expected));

  it("is looked at again when its time is over", () => {
    expect(step({ progress: since(20_000) }).againAfterMs).toBe(40_000);
  });
});

describe("decisions", () => {
  it.each<[StepInput["phase"], RolloutProgress | undefined]>([
    ["everywhere", { phase: "everywhere" }],
    ["aborted", { phase: "aborted" }],
    ["held", canary],
    ["rejected", canary],
  ])("%s is written as %j", (phase, expected) =>
    expect(step({ phase }).progress).toEqual(expected),
  );
});

describe("choosing nodes", () => {
  const choose = (input: Partial<StepInput>) =>
    step({ phase: "choosing", progress: undefined, canary: undefined, ...input }).progress;
  const chosen = (progress: RolloutProgress | undefined, all: Iterable<string>) =>
    progress?.phase === "canary"
      ? [...all].filter((name) => nodeRank("p", name) < progress.below)
      : [];

  it.each([
    [{ fraction: 0.1 }, 30, 3],
    [{ fraction: 0.1 }, 5, 1],
    [{ fraction: 1 }, 5, 5],
    [{ nodes: 3 }, 30, 3],
    [{ nodes: 3 }, 2, 2],
  ])("%j of %i are %i", (size, count, expected) => {
    const candidates = nodes(count);
    const progress = choose({ settings: { ...settings, canary: size }, candidates });
    expect(progress).toMatchObject({ wanted: expected });
    expect(chosen(progress, candidates().keys())).toHaveLength(expected);
  });

  it("passes over those that are not connected, but not over nearly all", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (connected) => {
        const candidates = nodes(connected.length, (i) => connected[i] ?? false);
        const progress = choose({ candidates });
        if (progress?.phase !== "canary") throw new Error("no canary");
        const names = chosen(progress, candidates().keys());
        expect(names.length).toBeGreaterThanOrEqual(progress.wanted);
        expect(names.length).toBeLessThanOrEqual(2 * progress.wanted + 2);
        const live = names.filter((name) => candidates().get(name)).length;
        expect(live).toBeLessThanOrEqual(progress.wanted);
      }),
    );
  });

  it("goes everywhere where there is no node that it could harm", () => {
    expect(choose({ candidates: nodes(0) })).toEqual({ phase: "everywhere" });
  });
});

describe("a rollout from beginning to end", () => {
  const event = fc.oneof(
    fc.record({ canary: fc.record({ ready: fc.nat(3), pending: fc.nat(1), bad: fc.nat(1) }) }),
    fc.record({ passMs: fc.integer({ min: 1, max: 90_000 }) }),
  );

  it("goes to the rest only after the whole time without failures, and its nodes stay the same", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let progress: RolloutProgress | undefined;
        let state: CanaryState = { nodes: 3, ready: 0, pending: 3, bad: 0 };
        let nowMs = now;
        let cleanFor = 0;
        let below: number | undefined;
        for (const one of events) {
          if ("canary" in one) state = { nodes: 3, ...one.canary };
          const isClean = state.bad === 0 && state.pending === 0 && state.ready === 3;
          if ("passMs" in one) {
            nowMs += one.passMs;
            cleanFor = isClean ? cleanFor + one.passMs : 0;
          } else if (!isClean) cleanFor = 0;
          const plan = planRollout({
            generation: 2,
            isAccepted: true,
            settings: { ...settings, promote: undefined, abort: undefined },
            known: [
              { generation: 1, progress: { phase: "everywhere" } },
              { generation: 2, progress },
            ],
          });
          const input = { progress, phase: plan.phase, nowMs, canary: state };
          progress = step(input).progress;
          if (progress?.phase === "canary") {
            below ??= progress.below;
            expect(progress.below).toBe(below);
          }
          if (progress?.phase === "everywhere") {
            expect(cleanFor).toBeGreaterThanOrEqual(settings.canaryMs);
            return;
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
