// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { InstalledPolicy } from "../installed-policy.ts";
import { nodeCounts } from "../node/node-counts.ts";
import { noPolicyCounts } from "./counters.ts";
import { createPastCounts } from "./past-counts.ts";

function policy(uid: string, budget: number): InstalledPolicy {
  return {
    key: { name: uid, namespace: "", origin: "operator", uid },
    ...{ id: 1, revision: 1, mode: "enforce", enabled: true, budget, warnings: [], hooks: [] },
    compiled: { name: uid, namespace: "", digest: "", mode: "enforce", hooks: [] },
  };
}

describe("past counts", () => {
  const live = new Map<number, bigint>();
  const countsOf = ({ budget }: InstalledPolicy) => ({
    ...noPolicyCounts,
    hits: live.get(budget) ?? 0n,
  });

  it("goes on counting for a version until nobody reads it", () => {
    const past = createPastCounts(countsOf, {
      since: 7,
      totals: [["a", countsOf(policy("a", 9))]],
    });
    live.set(1, 10n);
    past.leave([policy("a", 1)]);
    expect(past.of("a").hits).toBe(10n);
    live.set(1, 12n);
    expect(past.of("a").hits).toBe(12n);
    expect(past.snapshot()).toMatchObject({ since: 7, totals: [["a", { hits: 12n }]] });
    past.close();
    live.set(1, 0n);
    expect(past.of("a").hits).toBe(12n);
    live.set(2, 5n);
    past.leave([
      policy("a", 2),
      { ...policy("b", 3), key: { ...policy("b", 3).key, origin: "static" } },
    ]);
    past.close();
    expect(past.of("a").hits).toBe(17n);
    expect(past.of("b").hits).toBe(0n);
  });

  it("keeps those that left longest ago the least long", () => {
    const past = createPastCounts(countsOf);
    live.set(1, 1n);
    for (let i = 0; i < 1025; i++) {
      past.leave([policy(`u${i}`, 1)]);
      past.close();
    }
    expect(past.of("u0").hits).toBe(0n);
    expect(past.of("u1").hits).toBe(1n);
    expect(past.snapshot().totals.length).toBe(1024);
  });
});

describe("node counts", () => {
  it("add up and never go back while calls are in progress", () => {
    const hit = { ...noPolicyCounts, hits: 5n, filtered: 5n, emitted: 0n };
    const first = nodeCounts("a", hit, undefined);
    expect(first).toMatchObject({ hits: 5n, filtered: 5n });
    const matched = { ...hit, filtered: 4n, matched: 1n, emitted: 1n, enforced: 1n };
    const second = nodeCounts("a", matched, first);
    expect(second).toMatchObject({ hits: 6n, filtered: 5n, emitted: 1n, enforced: 1n });
    const suppressed = { suppressedRateLimit: 1n, suppressedBudget: 2n, suppressedNoPost: 3n };
    const third = nodeCounts(
      "a",
      {
        ...{ ...matched, ...suppressed, hits: 27n, filtered: 9n, unevaluated: 7n, missed: 8n },
        ...{ lostRing: 1n, lostMemory: 3n },
      },
      second,
    );
    expect(third).toMatchObject({
      hits: 27n,
      suppressed: 6n,
      lost: 4n,
      unevaluated: 7n,
      missed: 8n,
    });
  });
});
