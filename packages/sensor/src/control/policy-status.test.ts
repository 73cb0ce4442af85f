// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { noPolicyCounts } from "../policy/counts/counters.ts";
import type { PolicyState } from "../policy/policy-state.ts";
import { policyStatus } from "./policy-status.ts";

const state = {
  ...{ id: 1, name: "a", namespace: "", origin: "static", error: "", kernelMemoryBytes: 0 },
  ...{ state: "enabled", mode: "enforce", warnings: [], findings: [], hooks: [] },
} as const;

const countersOf = (counts: Partial<PolicyState["counters"]>) =>
  policyStatus({ ...state, counters: { ...noPolicyCounts, ...counts } } as unknown as PolicyState)
    .stats?.action_counters;

describe("the counts of actions in the interface", () => {
  it("add up to the calls on which the policy enforced", () => {
    expect(countersOf({ killed: 2n, denied: 2n, enforced: 2n })).toMatchObject({
      signal: "2",
      override: "0",
    });
    expect(countersOf({ killed: 1n, signalled: 1n, denied: 5n, enforced: 6n })).toMatchObject({
      signal: "2",
      override: "4",
    });
    expect(countersOf({ denied: 3n, enforced: 3n })).toMatchObject({ signal: "0", override: "3" });
  });
});
