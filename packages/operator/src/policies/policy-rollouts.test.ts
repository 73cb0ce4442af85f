// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { describe, expect, it } from "vitest";
import { createPolicyCatalog } from "../api/policy-catalog.ts";
import { readPolicyObject } from "../api/read-policy-object.ts";
import { PolicyContents } from "../bundles/policy-contents.ts";
import { createExceptionCatalog } from "../exceptions/exception-catalog.ts";
import { createSetCatalog } from "../sets/set-catalog.ts";
import { Resolver } from "../workloads/resolver.ts";
import { PolicyRollouts } from "./policy-rollouts.ts";
import { readRevision, revisionObject } from "./revision-object.ts";
import type { RolloutProgress } from "./rollout-progress.ts";
import { defaultRollout } from "./rollout-settings.ts";

const nodeNames = Array.from({ length: 20 }, (_, i) => `n${i}`);

/** A replica, as far as it decides what nodes get. */
function replica() {
  const catalog = createPolicyCatalog();
  const sets = createSetCatalog({ gapMs: 0 });
  const exceptions = createExceptionCatalog();
  const resolver = new Resolver();
  for (const node of nodeNames) resolver.putNode(node, {});
  const contents = new PolicyContents();
  const changed = new Set<string>();
  const changes = {
    add: (nodes: Iterable<string>) => {
      for (const node of nodes) changed.add(node);
    },
  };
  const logger = createLogger({ write: () => {} });
  const rollouts = new PolicyRollouts(
    { catalog, sets, exceptions, resolver, contents, changes, logger },
    defaultRollout,
  );
  return {
    catalog,
    sets,
    exceptions,
    resolver,
    contents,
    rollouts,
    put: (generation: number, annotations: Record<string, string> = {}, call = "sys_mount") =>
      catalog.put(readPolicyObject("TracingPolicy", policy(generation, call, annotations))),
    /** Something that the leader wrote comes by the watch. */
    store: (generation: number, progress: RolloutProgress | undefined, call = "sys_mount") => {
      rollouts.known.store(stored(generation, progress, call));
      rollouts.update("u");
    },
    /** Generation → how many nodes have it. */
    given: () => {
      const counts: Record<number, number> = {};
      for (const node of nodeNames)
        for (const { generation, digest } of resolver.bundle(node)?.policies ?? []) {
          expect(contents.message(digest)).toBeDefined();
          counts[generation] = (counts[generation] ?? 0) + 1;
        }
      return counts;
    },
    nodesWith: (generation: number) =>
      nodeNames.filter((node) =>
        resolver.bundle(node)?.policies.some((one) => one.generation === generation),
      ),
    changed,
  };
}

const spec = (call: string, generation: number) => ({
  kprobes: [
    {
      call,
      args: [{ index: 0, type: "string" }],
      selectors: [
        { matchArgs: [{ index: 0, operator: "Prefix", values: [`/generation-${generation}/`] }] },
      ],
    },
  ],
});

function policy(generation: number, call: string, annotations: Record<string, string> = {}) {
  const metadata = { name: "p", uid: "u", resourceVersion: "1", generation, annotations };
  return { metadata, spec: spec(call, generation) };
}

function stored(generation: number, progress: RolloutProgress | undefined, call = "sys_mount") {
  const { metadata, revision, data } = revisionObject(
    {
      policy: { kind: "TracingPolicy", uid: "u", namespace: "", name: "p" },
      generation,
      spec: spec(call, generation),
      progress,
    },
    "gander-system",
  );
  const raw = {
    metadata: { ...metadata, uid: `revision-${generation}`, resourceVersion: "1" },
    revision,
    data,
  };
  const read = readRevision(raw as Parameters<typeof readRevision>[0], "gander-system");
  if (read === undefined) throw new Error("it can't be read");
  return read;
}

const canary = { "gander.dev/rollout": "canary" };
const below = { phase: "canary", below: 0.3, wanted: 3 } as const;
const broken = "not a function";

describe("rollouts", () => {
  it("wait until it is known what was decided", () => {
    const one = replica();
    one.put(1);
    expect(one.given()).toEqual({});
    one.rollouts.start();
    expect(one.given()).toEqual({ 1: 20 });
    expect(one.changed.size).toBe(20);
  });

  it("hold contents as long as nodes are given them", () => {
    const one = replica();
    one.rollouts.start();
    one.put(1);
    one.put(2);
    expect([one.given(), one.contents.size]).toEqual([{ 2: 20 }, 1]);
    one.catalog.delete("u");
    expect([one.given(), one.contents.size, one.rollouts.of("u")]).toEqual([{}, 0, undefined]);
  });

  it("give all replicas' nodes the same", () => {
    const replicas = [replica(), replica(), replica()];
    for (const [i, one] of replicas.entries()) {
      if (i === 0) one.rollouts.start();
      one.put(1);
      one.store(1, { phase: "everywhere" });
      // One hears of the decision before the policy, one after, one after a restart.
      if (i === 1) one.rollouts.start();
      if (i === 1) one.store(2, below);
      one.put(2, canary);
      if (i === 0) expect(one.given()).toEqual({ 1: 20 });
      if (i !== 1) one.store(2, below);
      if (i === 2) one.rollouts.start();
    }
    const [first = [], ...others] = replicas.map((one) => one.nodesWith(2));
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(20);
    for (const other of others) expect(other).toEqual(first);
    for (const one of replicas) {
      expect(one.contents.size).toBe(2);
      one.store(2, { phase: "everywhere" });
      expect([one.given(), one.contents.size]).toEqual([{ 2: 20 }, 1]);
    }
  });

  it("go on with the last good generation, written down or not, also after a restart", () => {
    const one = replica();
    one.rollouts.start();
    one.put(1);
    one.put(2, {}, broken);
    expect(one.given()).toEqual({ 1: 20 });
    expect(one.rollouts.of("u")).toMatchObject({ phase: "rejected", mode: "monitor-only" });
    const restarted = replica();
    restarted.put(2, {}, broken);
    restarted.store(1, { phase: "everywhere" });
    restarted.rollouts.start();
    expect(restarted.given()).toEqual({ 1: 20 });
  });

  it("of a generation that went out isn't undone by a pause", () => {
    const one = replica();
    one.rollouts.start();
    one.put(1);
    one.put(1, { "gander.dev/paused": "true" });
    expect(one.given()).toEqual({ 1: 20 });
    one.put(2, { "gander.dev/paused": "true" });
    expect([one.given(), one.rollouts.of("u")?.phase]).toEqual([{ 1: 20 }, "held"]);
    one.put(2);
    expect(one.given()).toEqual({ 2: 20 });
  });

  it("pass over a stored revision that can't be compiled any more", () => {
    const one = replica();
    one.put(2, { "gander.dev/abort": "2" });
    one.store(1, { phase: "everywhere" }, broken);
    one.rollouts.start();
    expect(one.given()).toEqual({});
    expect(one.rollouts.of("u")?.shares).toEqual([]);
  });

  it("tell of what changed and went", () => {
    const one = replica();
    one.rollouts.start();
    const told: string[] = [];
    one.rollouts.onChange((uid) => told.push(one.rollouts.of(uid)?.phase ?? "gone"));
    one.put(1);
    one.store(1, { phase: "everywhere" });
    one.catalog.delete("u");
    expect(told).toEqual(["everywhere", "everywhere", "gone"]);
  });
});

describe("sets", () => {
  /** A GuardPolicy whose only filter names this set. */
  const guard = (set: string, generation = 1, namespace = "") => ({
    metadata: { name: "g", uid: "g", resourceVersion: "1", generation, namespace },
    spec: {
      kprobes: [
        {
          call: "tcp_connect",
          syscall: false,
          args: [{ index: 0, type: "sock" }],
          selectors: [{ matchArgs: [{ index: 0, operator: "DAddr", values: [`set:${set}`] }] }],
        },
      ],
    },
  });
  const wrong = {
    ...{ file: "", line: 0, column: 0, hint: "", severity: "error" as const },
    ...{ path: "spec.values[0]", code: "policy-bad-value" as const, message: '"secret" is wrong' },
  };

  it("that are missing or wrong are known with their policy, as long as they are", () => {
    const { catalog, sets, rollouts } = replica();
    rollouts.start();
    sets.objectsRead();
    catalog.put(readPolicyObject("GuardPolicy", guard("a")));
    const troubles = () => rollouts.of("g")?.setTroubles.map(({ state }) => state);
    expect(troubles()).toEqual(["missing"]);
    sets.put({ name: "a", values: ["10.0.0.1"] });
    expect(troubles()).toEqual([]);
    sets.putBroken("a", [wrong]);
    expect(rollouts.of("g")?.setTroubles).toMatchObject([
      { state: "wrong", details: 'spec.values[0]: "secret" is wrong' },
    ]);
    sets.put({ name: "a", values: ["10.0.0.1"] });
    expect(troubles()).toEqual([]);
  });

  it("show nothing of their values where a policy of a namespace names them", () => {
    const { catalog, sets, rollouts } = replica();
    rollouts.start();
    catalog.put(readPolicyObject("GuardPolicyNamespaced", guard("a", 1, "shop")));
    sets.put({ name: "a", values: ["10.0.0.1"] });
    sets.putBroken("a", [wrong]);
    expect(rollouts.of("g")?.setTroubles).toEqual([
      { state: "wrong", message: 'The set "a" is wrong' },
    ]);
  });

  it("of generations that nodes still have are wanted, also after a restart", () => {
    const { catalog, sets, rollouts } = replica();
    const wanted: string[] = [];
    sets.onWanted((name) => wanted.push(name));
    const { metadata, revision, data } = revisionObject(
      {
        policy: { kind: "GuardPolicy", uid: "g", namespace: "", name: "g" },
        ...{ generation: 1, spec: guard("kubernetes/dns").spec },
        progress: { phase: "everywhere" },
      },
      "gander-system",
    );
    const raw = { metadata: { ...metadata, uid: "r", resourceVersion: "1" }, revision, data };
    const read = readRevision(raw as Parameters<typeof readRevision>[0], "gander-system");
    if (read === undefined) throw new Error("it can't be read");
    rollouts.known.store(read);
    // The newest is refused.
    catalog.put(readPolicyObject("GuardPolicy", guard("a name that is none", 2)));
    rollouts.start();
    expect(rollouts.of("g")?.phase).toBe("rejected");
    expect(wanted).toEqual(["kubernetes/dns"]);
    expect(rollouts.of("g")?.setTroubles).toMatchObject([{ state: "unread" }]);
    sets.put({ name: "kubernetes/dns", values: ["10.0.0.10"] });
    expect(rollouts.of("g")?.setTroubles).toEqual([]);
    expect(rollouts.of("g")?.shares[0]?.revision.withSets?.sets).toEqual([
      { name: "kubernetes/dns", digest: sets.get("kubernetes/dns")?.encoded.digest },
    ]);
    catalog.delete("g");
    expect(sets.isWanted("kubernetes/dns")).toBe(false);
  });
});

describe("a revision", () => {
  it("is read as it was written", () => {
    expect(stored(3, below)).toMatchObject({
      generation: 3,
      progress: below,
      policy: { kind: "TracingPolicy", uid: "u", name: "p", namespace: "" },
      namespace: "gander-system",
      spec: spec("sys_mount", 3),
    });
  });

  it.each([
    ["of another namespace", { namespace: "web" }],
    ["of another name", { name: "p-0123456789" }],
    ["without an owner", { ownerReferences: [] }],
    [
      "of an owner of another kind",
      { ownerReferences: [{ kind: "Deployment", name: "p", uid: "u" }] },
    ],
    ["of another policy", { labels: { "gander.dev/policy-uid": "v" } }],
  ])("%s is none of ours", (_, wrong) => {
    const content = {
      policy: { kind: "TracingPolicy", uid: "u", namespace: "", name: "p" } as const,
      generation: 1,
      spec: {},
      progress: undefined,
    };
    const { metadata, ...rest } = revisionObject(content, "gander-system");
    const raw = { ...rest, metadata: { ...metadata, uid: "r", resourceVersion: "1" } };
    const forged = { ...raw, metadata: { ...raw.metadata, ...wrong } };
    const read = (one: unknown) =>
      readRevision(one as Parameters<typeof readRevision>[0], "gander-system");
    expect(read(raw)).toBeDefined();
    expect(read(forged)).toBeUndefined();
  });
});
