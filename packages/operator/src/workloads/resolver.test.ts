// SPDX-License-Identifier: Apache-2.0
import type { LabelSelector, WorkloadSelector } from "@gander/policy";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bundle, Resolver } from "./resolver.ts";
import { type Labels, noDetails, type Pod, type PolicyRevision } from "./workload.ts";

/** The whole cluster as it stands; bundles from it are computed as plainly as possible. */
type World = {
  readonly nodes: Map<string, Labels>;
  readonly pods: Map<string, Pod>;
  readonly policies: Map<string, PolicyRevision>;
};

const emptyWorld = (): World => ({ nodes: new Map(), pods: new Map(), policies: new Map() });

function plainSelects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return true;
  const there = new Map(Object.entries(labels));
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => there.get(key) === value) &&
    selector.matchExpressions.every(({ key, operator, values }) => {
      const isIn = there.has(key) && values.includes(there.get(key) ?? "");
      return { In: isIn, NotIn: !isIn, Exists: there.has(key), DoesNotExist: !there.has(key) }[
        operator
      ];
    })
  );
}

function plainAppliesTo(policy: PolicyRevision, pod: Pod): boolean {
  const { workloads, namespace } = policy;
  if (namespace !== "" && pod.namespace !== namespace) return false;
  if (workloads === undefined) return true;
  const { podSelector, containerSelector, host } = workloads;
  if (host && podSelector === undefined && containerSelector === undefined) return false;
  const labels = { ...pod.labels, "k8s:io.kubernetes.pod.namespace": pod.namespace };
  if (!plainSelects(podSelector, labels)) return false;
  if (containerSelector === undefined) return true;
  // The repo is not known here: what is asked of it is taken out.
  const byName: LabelSelector = {
    matchLabels: Object.fromEntries(
      Object.entries(containerSelector.matchLabels).filter(([key]) => key !== "repo"),
    ),
    matchExpressions: containerSelector.matchExpressions.filter(({ key }) => key !== "repo"),
  };
  return pod.containers.some((name) => plainSelects(byName, { name }));
}

function plainBundle(world: World, node: string): object | undefined {
  const labels = world.nodes.get(node);
  if (labels === undefined) return undefined;
  const here = [...world.policies.values()].filter((one) => plainSelects(one.nodeSelector, labels));
  const pods = [...world.pods.values()].filter((pod) => pod.node === node);
  const isHost = ({ namespace, workloads }: PolicyRevision) =>
    namespace === "" && (workloads === undefined || workloads.host);
  const used = here.filter((one) => isHost(one) || pods.some((pod) => plainAppliesTo(one, pod)));
  return {
    nodeLabels: sortedLabels(labels),
    policies: byUid(used).map(({ uid, generation, digest, name, namespace, mode }) =>
      [uid, generation, digest, name, namespace, mode].join(),
    ),
    pods: byUid(pods).map((pod) => ({
      uid: pod.uid,
      name: pod.name,
      namespace: pod.namespace,
      labels: { ...pod.labels },
      details: pod.details.digest,
      policies: byUid(here.filter((one) => plainAppliesTo(one, pod))).map(({ uid }) => uid),
    })),
  };
}

const sortedLabels = (labels: Labels) => Object.entries(labels).sort();

const byUid = <T extends { readonly uid: string }>(items: readonly T[]): readonly T[] =>
  [...items].sort((a, b) => (a.uid < b.uid ? -1 : 1));

function readable(bundle: Bundle | undefined): object | undefined {
  if (bundle === undefined) return undefined;
  const pods = [...bundle.pods].map(([{ uid, name, group, details }, set]) => ({
    uid,
    name,
    namespace: group.namespace,
    labels: { ...group.labels },
    details: details.digest,
    policies: set.uids,
  }));
  return {
    nodeLabels: sortedLabels(bundle.nodeLabels),
    policies: bundle.policies.map(({ uid, generation, digest, name, namespace, mode }) =>
      [uid, generation, digest, name, namespace, mode].join(),
    ),
    pods: byUid(pods),
  };
}

type Change =
  | { readonly put: "node"; readonly name: string; readonly labels: Labels }
  | { readonly put: "pod"; readonly pod: Pod }
  | { readonly put: "policy"; readonly policy: PolicyRevision }
  | { readonly remove: "node" | "pod" | "policy"; readonly name: string };

function changeWorld(world: World, change: Change): void {
  if ("remove" in change) world[`${plural[change.remove]}`].delete(change.name);
  else if (change.put === "node") world.nodes.set(change.name, change.labels);
  else if (change.put === "pod") world.pods.set(change.pod.uid, change.pod);
  else world.policies.set(change.policy.uid, change.policy);
}
const plural = { node: "nodes", pod: "pods", policy: "policies" } as const;

function changeResolver(resolver: Resolver, change: Change): ReadonlySet<string> {
  if ("remove" in change) {
    if (change.remove === "node") return resolver.deleteNode(change.name);
    return change.remove === "pod"
      ? resolver.deletePod(change.name)
      : resolver.deletePolicy(change.name);
  }
  if (change.put === "node") return resolver.putNode(change.name, change.labels);
  return change.put === "pod" ? resolver.putPod(change.pod) : resolver.putPolicy(change.policy);
}

const nodeNames = ["n0", "n1", "n2", "n3"];
const namespaces = ["web", "db"];
const key = fc.constantFrom("app", "tier", "toString", "__proto__");
const value = fc.constantFrom("a", "b", "");
const labels = fc
  .array(fc.tuple(key, value), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries) as Labels);
const selectorOf = (
  selectorKey: fc.Arbitrary<string>,
  selectorValue: fc.Arbitrary<string>,
): fc.Arbitrary<LabelSelector> =>
  fc.record({
    matchLabels: fc
      .array(fc.tuple(selectorKey, selectorValue), { maxLength: 2 })
      .map((entries) => Object.fromEntries(entries) as Labels),
    matchExpressions: fc.array(
      fc.record({
        key: selectorKey,
        operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist"),
        values: fc.array(selectorValue, { minLength: 1, maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  });
const podSelector = fc.oneof(
  selectorOf(key, value),
  selectorOf(fc.constant("k8s:io.kubernetes.pod.namespace"), fc.constantFrom(...namespaces)),
);
const container = fc.constantFrom("main", "proxy", "init");
const containerSelector = selectorOf(fc.constantFrom("name", "repo"), container);
const workloads = fc.record(
  { podSelector, containerSelector, host: fc.boolean() },
  { requiredKeys: ["host"] },
) as fc.Arbitrary<WorkloadSelector>;
const scope = fc.record(
  { workloads, nodeSelector: selectorOf(key, value) },
  { requiredKeys: [] },
) as fc.Arbitrary<Pick<PolicyRevision, "workloads" | "nodeSelector">>;
const policy: fc.Arbitrary<PolicyRevision> = fc
  .record({
    uid: fc.constantFrom("p0", "p1", "p2", "p3", "p4"),
    generation: fc.integer({ min: 1, max: 2 }),
    name: fc.constantFrom("one", "two"),
    namespace: fc.constantFrom("", "", "web"),
    mode: fc.constantFrom("" as const, "monitor" as const),
    scope,
    content: fc.constantFrom("x", "y"),
  })
  // The digest covers whom a policy is for.
  .map(({ scope: of, content, ...head }) => ({
    ...head,
    ...of,
    digest: JSON.stringify([of, content]),
  }));
const pod: fc.Arbitrary<Pod> = fc.record({
  uid: fc.constantFrom("u0", "u1", "u2", "u3", "u4", "u5"),
  namespace: fc.constantFrom(...namespaces),
  name: fc.constantFrom("a", "b"),
  node: fc.constantFrom(...nodeNames),
  labels,
  containers: fc.array(container, { minLength: 1, maxLength: 3 }),
  // New objects: only equal digests mean equal details.
  details: fc.constantFrom("", "d1", "d2").map((digest) => ({ digest, text: "{}" })),
});
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: pod.map((one) => ({ put: "pod" as const, pod: one })) },
  { weight: 3, arbitrary: policy.map((one) => ({ put: "policy" as const, policy: one })) },
  {
    weight: 3,
    arbitrary: fc.record({
      put: fc.constant("node" as const),
      name: fc.constantFrom(...nodeNames),
      labels,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ remove: fc.constant("node" as const), name: fc.constantFrom(...nodeNames) }),
      fc.record({ remove: fc.constant("pod" as const), name: fc.constantFrom("u0", "u1", "u2") }),
      fc.record({ remove: fc.constant("policy" as const), name: fc.constantFrom("p0", "p1") }),
    ),
  },
);

describe("the resolver", () => {
  it("names exactly the nodes whose bundle changed, and has the bundles of a full computation", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const world = emptyWorld();
        const resolver = new Resolver();
        let before = nodeNames.map((name) => JSON.stringify(plainBundle(world, name)));
        for (const one of changes) {
          changeWorld(world, one);
          const told = changeResolver(resolver, one);
          const after = nodeNames.map((name) => JSON.stringify(plainBundle(world, name)));
          const changed = nodeNames.filter((_, i) => before[i] !== after[i]);
          expect([...told].sort()).toEqual(changed);
          for (const name of nodeNames)
            expect(readable(resolver.bundle(name))).toEqual(plainBundle(world, name));
          before = after;
        }
        expect(resolver.size.pods).toBe(world.pods.size);
        for (const uid of world.policies.keys()) {
          const having = nodeNames.filter((name) =>
            resolver.bundle(name)?.policies.some((one) => one.uid === uid),
          );
          expect([...resolver.nodesOf(uid)].sort()).toEqual(having);
        }
      }),
      { numRuns: 600 },
    );
  });

  it("ends where it would have got to straight away, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const world = emptyWorld();
        const resolver = new Resolver();
        for (const one of changes) {
          changeWorld(world, one);
          changeResolver(resolver, one);
        }
        const fresh = new Resolver();
        for (const one of [...world.pods.values()].reverse()) fresh.putPod(one);
        for (const one of world.policies.values()) fresh.putPolicy(one);
        for (const [name, of] of world.nodes) fresh.putNode(name, of);
        for (const name of nodeNames)
          expect(readable(resolver.bundle(name))).toEqual(readable(fresh.bundle(name)));
        expect(resolver.size).toEqual(fresh.size);
      }),
    );
  });

  it("finds each pod by its name, and none that is gone", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const world = emptyWorld();
        const resolver = new Resolver();
        for (const one of changes) {
          changeWorld(world, one);
          changeResolver(resolver, one);
          for (const { namespace, name } of changes.flatMap((all) =>
            "put" in all && all.put === "pod" ? all.pod : [],
          )) {
            const there = [...world.pods.values()].filter(
              (pod) => pod.namespace === namespace && pod.name === name,
            );
            const found = resolver.podNamed(namespace, name);
            if (there.length === 0) expect(found).toBeUndefined();
            else expect(there.map(({ uid }) => uid)).toContain(found?.uid);
          }
        }
      }),
    );
  });

  it("keeps nothing of what is gone", () => {
    const resolver = new Resolver();
    const one = { uid: "u", namespace: "web", name: "a", node: "n0", labels: { app: "a" } };
    resolver.putNode("n0", {});
    resolver.putPod({ ...one, containers: ["main"], details: noDetails });
    resolver.putPolicy({
      uid: "p",
      generation: 1,
      name: "p",
      namespace: "",
      digest: "d",
      mode: "",
    });
    resolver.deletePolicy("p");
    resolver.deletePod("u");
    resolver.deleteNode("n0");
    expect(resolver.size).toEqual({ nodes: 0, pods: 0, groups: 0, policies: 0 });
    expect(resolver.podNamed("web", "a")).toBeUndefined();
  });

  it("doesn't take a policy for the one that had its place before", () => {
    const resolver = new Resolver();
    resolver.putNode("n0", {});
    const pod = { uid: "u", namespace: "web", name: "a", node: "n0", labels: {}, containers: [] };
    resolver.putPod({ ...pod, details: noDetails });
    const head = { generation: 1, namespace: "", digest: "d", mode: "" as const };
    const policiesOfPod = () =>
      [...(resolver.bundle("n0")?.pods.values() ?? [])].flatMap(({ uids }) => uids);
    resolver.putPolicy({ ...head, uid: "p0", name: "p0" });
    expect(policiesOfPod()).toEqual(["p0"]);
    resolver.deletePolicy("p0");
    resolver.putPolicy({ ...head, uid: "p1", name: "p1" });
    expect(policiesOfPod()).toEqual(["p1"]);
  });

  it("keeps the object of a revision that is put again", () => {
    const resolver = new Resolver();
    resolver.putNode("n0", {});
    const head = { uid: "p", generation: 1, name: "p", namespace: "", digest: "d" };
    const first = { ...head, mode: "" as const };
    expect([...resolver.putPolicy(first)]).toEqual(["n0"]);
    expect([...resolver.putPolicy({ ...first })]).toEqual([]);
    expect(resolver.revision("p")).toBe(first);
    expect(resolver.bundle("n0")?.policies[0]).toBe(first);
    expect(resolver.revision("q")).toBeUndefined();
  });

  it("takes more policies than fit into one word", () => {
    const resolver = new Resolver();
    resolver.putNode("n0", {});
    const head = { generation: 1, namespace: "", digest: "d", mode: "" as const };
    for (let i = 0; i < 100; i++) resolver.putPolicy({ ...head, uid: `p${i}`, name: `p${i}` });
    expect(resolver.bundle("n0")?.policies.length).toBe(100);
    for (let i = 0; i < 99; i++) resolver.deletePolicy(`p${i}`);
    expect(resolver.bundle("n0")?.policies.map(({ uid }) => uid)).toEqual(["p99"]);
  });
});
