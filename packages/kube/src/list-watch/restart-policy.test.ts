// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { KubeError } from "../client/kube-error.ts";
import { createRestartPolicy } from "./restart-policy.ts";

function policyAt() {
  const clock = { ms: 0 };
  const policy = createRestartPolicy({
    backOffBaseMs: 200,
    backOffMaxMs: 30_000,
    stableMs: 5_000,
    random: () => 0,
    now: () => clock.ms,
  });
  const watchFor = (ms: number, error?: unknown) => {
    policy.opened();
    clock.ms += ms;
    return policy.ended(error);
  };
  return { policy, watchFor };
}

const reset = new KubeError("kube-unreachable", "reset");

describe("the wait before a restart", () => {
  it("is none after a good watch that the server ended", () => {
    expect(policyAt().watchFor(5_000)).toMatchObject({ cause: "ended", delayMs: 0, relist: false });
  });

  it("grows while nothing works, up to its bound", () => {
    const { policy } = policyAt();
    const delays = Array.from({ length: 10 }, () => policy.ended(reset).delayMs);
    expect(delays.slice(0, 3)).toEqual([100, 200, 400]);
    expect(delays.at(-1)).toBe(15_000);
  });

  it("grows as well when watches open and end at once: no hot loop", () => {
    const { watchFor } = policyAt();
    expect([watchFor(10).delayMs, watchFor(10).delayMs, watchFor(10).delayMs]).toEqual([
      100, 200, 400,
    ]);
  });

  it("starts anew after a good watch", () => {
    const { policy, watchFor } = policyAt();
    for (let n = 0; n < 8; n++) policy.ended(reset);
    expect(watchFor(6_000, reset).delayMs).toBe(100);
  });

  it("is at least what the server asks for, within reason", () => {
    const { policy } = policyAt();
    const throttled = (retryAfterMs: number) =>
      policy.ended(new KubeError("kube-throttled", "slow down", { retryAfterMs })).delayMs;
    expect(throttled(7_000)).toBe(7_000);
    expect(throttled(1e9)).toBe(300_000);
  });
});

it.each([
  [new KubeError("kube-expired", ""), "expired", true],
  [new KubeError("kube-protocol", ""), "protocol", true],
  [new TypeError("a mistake here"), "other", true],
  [reset, "connection", false],
  [new KubeError("kube-timeout", "", { reason: "Silence" }), "silence", false],
  [new KubeError("kube-throttled", ""), "throttled", false],
  [new KubeError("kube-unauthorized", ""), "credentials", false],
  [new KubeError("kube-server", ""), "server", false],
] as const)("%s restarts for the cause %s, with a list: %s", (error, cause, relist) => {
  const { policy } = policyAt();
  expect(policy.ended(error)).toMatchObject({ cause, relist });
  expect(policy.counts[cause]).toBe(1);
});
