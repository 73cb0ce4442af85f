// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { noTotals, type Totals } from "../sensors/policy-totals.ts";
import type { NodeException } from "../sensors/rollout-state.ts";
import { RolloutState } from "../sensors/rollout-state.ts";
import { nodeRank } from "../workloads/policy-share.ts";
import { Resolver } from "../workloads/resolver.ts";
import type { PolicyRevision } from "../workloads/workload.ts";
import { createFleetView } from "./create-fleet-view.ts";
import type { FleetSource } from "./fleet-view.ts";

const revision = (generation: number): PolicyRevision => ({
  uid: "p",
  generation,
  name: "p",
  namespace: "",
  mode: "",
  digest: String(generation),
});

const totals = (hits: number): Totals => ({
  ...noTotals,
  ...{ hits, emitted: hits },
});

type Said = NodeException["state"] | "ready" | "nothing";

/** A replica whose sensors said this of the revision. */
function source(said: Readonly<Record<string, Said>>, of: PolicyRevision, hits = 0): FleetSource {
  const state = new RolloutState();
  for (const [node, one] of Object.entries(said)) {
    if (one === "nothing") continue;
    const exception = { code: "x", message: "why", runningGeneration: 1, revision: of };
    const exceptions = one === "ready" ? [] : [{ ...exception, state: one }];
    state.answered(node, { policies: [of], exceptions });
  }
  return {
    has: (node) => node in said,
    startProblem: () => undefined,
    answers: (asked) => state.of(asked),
    totals: () => totals(hits),
    waiting: (asked, nodes) =>
      [...nodes].filter((node) => node in said && !state.node(node)?.policies.includes(asked)),
    onChange: () => ({ [Symbol.dispose]() {} }),
  };
}

function cluster(count: number): Resolver {
  const resolver = new Resolver();
  for (let i = 0; i < count; i++) resolver.putNode(`n${i}`, {});
  return resolver;
}

describe("a policy on the fleet", () => {
  it("is unknown where no node is given it", () => {
    expect(createFleetView(cluster(1)).of("p")).toBeUndefined();
  });

  it("counts the nodes behind the canary of a new policy, which have none yet", () => {
    const resolver = cluster(3);
    const ranks = ["n0", "n1", "n2"].map((node) => nodeRank("p", node)).sort();
    resolver.putShares("p", [{ revision: revision(1), from: 0, to: ranks[1] ?? 1 }]);
    const found = createFleetView(resolver).of("p");
    expect(found).toMatchObject({
      nodes: 3,
      states: { disconnected: 1, pending: 2 },
      revisions: [{ generation: 1, nodes: 1 }],
    });
  });

  it("counts what the sensors of all replicas said, and who isn't there", () => {
    const resolver = cluster(7);
    const one = revision(1);
    resolver.putPolicy(one);
    const fleet = createFleetView(resolver);
    fleet.add(source({ n0: "ready", n1: "POLICY_STATE_FAILED", n2: "nothing" }, one, 5));
    const peer = fleet.add(source({ n3: "POLICY_STATE_DEGRADED", n4: "ready" }, one, 7));
    expect(fleet.of("p")).toMatchObject({
      generation: 1,
      nodes: 7,
      answered: 4,
      ready: 3,
      states: {
        ready: 2,
        degraded: 1,
        pending: 1,
        disconnected: 2,
        unsupported: 0,
        failed: 1,
        refused: 0,
      },
      totals: { hits: 12, emitted: 12 },
    });
    expect(fleet.of("p")?.worst.map(({ name, state, code }) => [name, state, code])).toEqual([
      ["n1", "failed", "x"],
      ["n5", "disconnected", "sensor-not-connected"],
      ["n6", "disconnected", "sensor-not-connected"],
      ["n2", "pending", "sensor-not-answered"],
      ["n3", "degraded", "x"],
    ]);
    expect([fleet.isConnected("n3"), fleet.isConnected("n6")]).toEqual([true, false]);
    peer[Symbol.dispose]();
    expect(fleet.of("p")).toMatchObject({ answered: 2, ready: 1, states: { disconnected: 4 } });
    expect(fleet.isConnected("n3")).toBe(false);
  });

  it("keeps revisions apart while nodes have different ones", () => {
    const resolver = cluster(20);
    const [one, two] = [revision(1), revision(2)];
    resolver.putShares("p", [
      { revision: two, from: 0, to: 0.4 },
      { revision: one, from: 0.4, to: 1 },
    ]);
    const [first, rest] = resolver.sharesOf("p");
    const fleet = createFleetView(resolver);
    const ready = (nodes: Iterable<string> = []) =>
      Object.fromEntries([...nodes].map((node) => [node, "ready" as const]));
    fleet.add(source(ready(first?.nodes), two));
    fleet.add(source(ready(rest?.nodes), one));
    const found = fleet.of("p");
    expect(found).toMatchObject({ generation: 2, nodes: 20, ready: 20, states: { ready: 20 } });
    expect(
      found?.revisions.map(({ generation, nodes, ready }) => [generation, nodes, ready]),
    ).toEqual([
      [2, first?.nodes.size, first?.nodes.size],
      [1, rest?.nodes.size, rest?.nodes.size],
    ]);
  });

  it("never counts more answers than nodes, nor below zero", () => {
    const resolver = cluster(2);
    const one = revision(1);
    resolver.putPolicy(one);
    const fleet = createFleetView(resolver);
    // A node that answered while the policy was for it still counts until it answered again.
    fleet.add(source({ n0: "ready", n1: "POLICY_STATE_FAILED", gone: "POLICY_STATE_FAILED" }, one));
    const found = fleet.of("p");
    expect(found?.answered).toBe(2);
    for (const count of Object.values(found?.states ?? {})) expect(count).toBeGreaterThanOrEqual(0);
  });

  it("tells of all policies, once, when sensors come and go", async () => {
    const resolver = cluster(1);
    resolver.putPolicy(revision(1));
    const fleet = createFleetView(resolver);
    const told: string[] = [];
    const heard = Promise.withResolvers<void>();
    fleet.onChange((uid) => {
      told.push(uid);
      heard.resolve();
    });
    for (let i = 0; i < 100; i++) fleet.changed();
    await heard.promise;
    expect(told).toEqual(["p"]);
    fleet.changed("p");
    expect(told).toEqual(["p", "p"]);
  });
});
