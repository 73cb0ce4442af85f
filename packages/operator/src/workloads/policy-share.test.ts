// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { nodeRank, type PolicyShare } from "./policy-share.ts";
import { Resolver } from "./resolver.ts";
import { noDetails, type PolicyRevision } from "./workload.ts";

const names = Array.from({ length: 40 }, (_, i) => `node-${i}`);

const revision = (generation: number, app: string): PolicyRevision => ({
  uid: "p",
  generation,
  name: "p",
  namespace: "",
  mode: "",
  digest: `${generation}-${app}`,
  ...(app === ""
    ? {}
    : {
        workloads: { host: false, podSelector: { matchLabels: { app }, matchExpressions: [] } },
      }),
});

function cluster(): Resolver {
  const resolver = new Resolver();
  for (const [i, node] of names.entries()) {
    resolver.putNode(node, {});
    const labels = { app: i % 2 === 0 ? "a" : "b" };
    resolver.putPod({
      uid: `pod-${i}`,
      namespace: "n",
      name: `pod-${i}`,
      node,
      labels,
      containers: ["c"],
      details: noDetails,
    });
  }
  return resolver;
}

/** By node: which generation, and the pod's policies. */
function given(resolver: Resolver): Record<string, string> {
  return Object.fromEntries(
    names.map((node) => {
      const bundle = resolver.bundle(node);
      const generations = bundle?.policies.map(({ digest }) => digest).join();
      return [node, `${generations} ${[...(bundle?.pods.values() ?? [])].map(({ key }) => key)}`];
    }),
  );
}

const shares = fc
  .record({
    cut: fc.constantFrom(0, 0.1, 0.3, 0.5, 1),
    first: fc.tuple(fc.integer({ min: 3, max: 4 }), fc.constantFrom("", "a", "b")),
    rest: fc.option(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom("", "a", "b"))),
  })
  .map(({ cut, first, rest }): readonly PolicyShare[] => [
    { revision: revision(...first), from: 0, to: cut },
    ...(rest === null ? [] : [{ revision: revision(...rest), from: cut, to: 1 }]),
  ]);

it("gives each node the revision of its share, and names exactly the nodes that it changed", () => {
  fc.assert(
    fc.property(fc.array(shares, { maxLength: 8 }), (steps) => {
      const resolver = cluster();
      for (const step of steps) {
        const before = given(resolver);
        const changed = resolver.putShares("p", step);
        const after = given(resolver);
        expect([...changed].sort()).toEqual(
          names.filter((node) => before[node] !== after[node]).sort(),
        );
        const anew = cluster();
        anew.putShares("p", step);
        expect(after).toEqual(given(anew));
        for (const node of names) {
          const share = step.find(
            ({ from, to }) => nodeRank("p", node) >= from && nodeRank("p", node) < to,
          );
          const alone = cluster();
          if (share !== undefined) alone.putPolicy(share.revision);
          expect(after[node]).toBe(given(alone)[node]);
        }
        expect(
          new Set(step.flatMap((_, i) => [...(resolver.sharesOf("p")[i]?.nodes ?? [])])),
        ).toEqual(resolver.nodesOf("p"));
      }
    }),
    { numRuns: 25 },
  );
});

it("keeps the revision object where nothing but its share grew", () => {
  const resolver = cluster();
  const [old, next] = [revision(1, ""), revision(2, "")];
  resolver.putPolicy(old);
  resolver.putShares("p", [
    { revision: next, from: 0, to: 0.3 },
    { revision: { ...old }, from: 0.3, to: 1 },
  ]);
  expect(resolver.sharesOf("p").map((share) => share.revision)).toEqual([next, old]);
  expect(resolver.sharesOf("p")[1]?.revision).toBe(old);
  const first = resolver.sharesOf("p")[0]?.nodes ?? new Set();
  expect(first.size).toBeGreaterThan(3);
  const changed = resolver.putPolicy({ ...next });
  expect(changed).toEqual(new Set(names.filter((node) => !first.has(node))));
  expect(resolver.revision("p")).toBe(next);
});

it("ranks nodes evenly, and differently for each policy", () => {
  const ranks = Array.from({ length: 1000 }, (_, i) => nodeRank("p", `n${i}`));
  expect(ranks.filter((rank) => rank < 0.1).length).toBeGreaterThan(70);
  expect(ranks.filter((rank) => rank < 0.1).length).toBeLessThan(130);
  expect(nodeRank("p", "n")).not.toBe(nodeRank("q", "n"));
});
