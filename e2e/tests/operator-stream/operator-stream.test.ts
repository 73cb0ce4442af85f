// SPDX-License-Identifier: Apache-2.0
// The sensor's side and the operator's side of gander.v1.SensorStream, over TLS.
import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "@gander/policy/content";
import { testCertificate } from "@gander/sensor/test-certificate";
import { describe, expect, it } from "vitest";
import { TestNode } from "./test-node.ts";
import { TestOperator } from "./test-operator.ts";

const eventually = (holds: () => unknown) =>
  expect.poll(holds, { timeout: 15_000, interval: 5 }).toBeTruthy();

/** A node that has taken the first version: policy `all` for everything, `web` for that app. */
async function connected() {
  const parts = new AsyncDisposableStack();
  const operator = parts.use(await new TestOperator().start());
  const [all, web] = [operator.policy("all", "one"), operator.policy("web", "two", "web")];
  await operator.put(all);
  await operator.put(web);
  await operator.putPod("pod-1", "web");
  const node = parts.use(new TestNode());
  node.connect(operator);
  await eventually(() => operator.hub.rollout.of(web).ready === 1);
  return { operator, node, all, web, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

describe("policies of the operator", () => {
  it("come with the pods that they are for, and then as differences", async () => {
    await using at = await connected();
    const { operator, node, web } = at;
    expect(node.kernel.inForce).toEqual({ all: 1, web: 1 });
    expect(node.kernel.pods).toEqual({ "pod-1": ["all", "web"] });
    await operator.put({ ...operator.policy("web", "three", "web"), generation: 2 });
    await eventually(() => node.kernel.inForce.web === 2);
    await operator.putPod("pod-2", "db");
    await eventually(() => node.kernel.pods["pod-2"]?.join() === "all");
    await operator.hub.push(operator.resolver.deletePod("pod-1"));
    await eventually(() => !("web" in node.kernel.inForce));
    expect(node.kernel.pods).toEqual({ "pod-2": ["all"] });
    await eventually(() => operator.hub.session("a")?.isWaiting === false);
    expect(operator.hub.rollout.of(web).answered).toBe(0);
    expect(node.said("refused")).toBe(false);
  });

  it("come with what events show of their pods, which is also on disk", async () => {
    await using at = await connected();
    const { operator, node } = at;
    const details = (workload: string) => ({
      digest: workload,
      text: JSON.stringify({ workload, workload_kind: "Deployment" }),
    });
    const seen = () =>
      node.kernel.versions.at(-1)?.pods.map(({ uid, details: one }) => [uid, one?.workload]);
    await operator.putPod("pod-2", "db", details("db"));
    await operator.putPod("pod-3", "db", details("db"));
    await eventually(() => node.kernel.versions.at(-1)?.pods.length === 3);
    expect(seen()).toEqual([
      ["pod-1", undefined],
      ["pod-2", "db"],
      ["pod-3", "db"],
    ]);
    // Nothing else of the pod changes.
    await operator.putPod("pod-2", "db", details("db-2"));
    await eventually(() => seen()?.[1]?.[1] === "db-2");
    await operator.putPod("pod-2", "db");
    await eventually(() => seen()?.[1]?.[1] === undefined);
    await operator[Symbol.asyncDispose]();
    await using again = await node.restart();
    await eventually(() => again.kernel.versions.length === 1);
    expect(again.kernel.versions[0]?.pods.at(-1)?.details).toEqual({
      workload: "db",
      workloadKind: "Deployment",
    });
  });

  it("come with the labels of the node, which are also on disk", async () => {
    await using at = await connected();
    const { operator, node } = at;
    const told: object[] = [];
    node.keeper.onNodeLabels((labels) => told.push(labels));
    await operator.hub.push(operator.resolver.putNode("a", { zone: "b", "k.io/pool": "" }));
    await eventually(() => node.keeper.state.nodeLabels.zone === "b");
    await operator.putPod("pod-2", "db");
    await eventually(() => node.kernel.pods["pod-2"]);
    expect(node.keeper.state.nodeLabels).toEqual({ zone: "b", "k.io/pool": "" });
    await operator.hub.push(operator.resolver.putNode("a", {}));
    await eventually(() => told.length === 2);
    expect(told).toEqual([{ zone: "b", "k.io/pool": "" }, {}]);
    await operator.hub.push(operator.resolver.putNode("a", { zone: "c" }));
    await eventually(() => told.length === 3);
    await operator[Symbol.asyncDispose]();
    await using again = await node.restart();
    await eventually(() => again.kernel.versions.length === 1);
    expect(again.keeper.state.nodeLabels).toEqual({ zone: "c" });
  });

  it("are not sent again to a sensor that comes again, to this replica or another", async () => {
    await using at = await connected();
    const { operator, node, all } = at;
    const before = node.kernel.versions.length;
    const epoch = node.status.epoch;
    const { port } = operator;
    await operator[Symbol.asyncDispose]();
    await eventually(() => !node.status.connected);
    expect(node.kernel.inForce).toEqual({ all: 1, web: 1 });
    await using another = await new TestOperator(operator, port).start();
    await eventually(() => another.hub.rollout.of(all).ready === 1);
    expect(node.kernel.versions.length).toBe(before);
    expect(node.status.epoch).toBeGreaterThan(epoch);
    expect(node.status.connected).toBe(true);
    expect(node.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("that can't be put in force are told with the reason, and so is the end of it", async () => {
    await using operator = await new TestOperator().start();
    const all = operator.policy("all", "one");
    await operator.put(all);
    await using node = new TestNode({ failedAgainMs: 20 });
    const failed = { uid: "all", code: "kernel-attach", message: "no", runningGeneration: 0 };
    node.kernel.exceptions = [{ ...failed, state: "failed" }];
    node.connect(operator);
    await eventually(() => operator.hub.rollout.of(all).answered === 1);
    expect(operator.hub.rollout.of(all)).toMatchObject({
      ready: 0,
      worst: [{ node: "a", state: "POLICY_STATE_FAILED", code: "kernel-attach", message: "no" }],
    });
    node.kernel.exceptions = [];
    await eventually(() => operator.hub.rollout.of(all).ready === 1);
  });

  it("are counted", async () => {
    await using at = await connected();
    const { operator, node } = at;
    const counts = {
      ...{ hits: 9n, enforced: 1n, emitted: 2n, filtered: 3n, suppressed: 2n, lost: 0n },
      ...{ unevaluated: 2n, missed: 5n, unknown: 6n },
    };
    node.kernel.current = { since: 1, policies: [{ uid: "all", ...counts }] };
    await eventually(() => operator.hub.totals.of("all").hits === 9);
    expect(operator.hub.totals.of("all")).toMatchObject({ unevaluated: 2, missed: 5, unknown: 6 });
    const more = { ...counts, hits: 11n, emitted: 4n };
    node.kernel.current = { since: 1, policies: [{ uid: "all", ...more }] };
    await eventually(() => operator.hub.totals.of("all").emitted === 4);
  });

  it("that change all the time don't make the sensor talk too much", async () => {
    await using at = await connected();
    const { operator, node } = at;
    // More than the operator reads at once.
    for (let generation = 2; generation < 60; generation++) {
      await operator.put({ ...operator.policy("all", `text ${generation}`), generation });
      await eventually(() => node.kernel.inForce.all === generation);
    }
    expect(node.said("RESOURCE_EXHAUSTED")).toBe(false);
  });
});

describe("a policy that this sensor can't use", () => {
  it("is refused, its last version goes on, and so do the others", async () => {
    await using at = await connected();
    const { operator, node } = at;
    // A field that no version knows.
    const bytes = Buffer.from(JSON.stringify({ hooks: [], mode: "enforce", newer: true }));
    const digest = digestOf(bytes);
    operator.contents.add({ bytes, digest });
    const newer = {
      ...operator.policy("web", "x", "web"),
      generation: 2,
      digest,
    };
    await operator.put(newer);
    await operator.put({ ...operator.policy("all", "other"), generation: 2 });
    await eventually(() => node.kernel.inForce.all === 2);
    expect(node.kernel.inForce.web).toBe(1);
    await eventually(() => operator.hub.rollout.of(newer).answered === 1);
    expect(operator.hub.rollout.of(newer).worst).toMatchObject([
      { state: "POLICY_STATE_REFUSED", code: "bundle-policy-newer", runningGeneration: 1 },
    ]);
    await operator.put({ ...operator.policy("web", "y", "web"), generation: 3 });
    await eventually(() => node.kernel.inForce.web === 3);
  });

  it("or whose newest version can't be loaded, has its last one after a reboot", async () => {
    await using at = await connected();
    const { operator, node } = at;
    const failed = { uid: "web", state: "failed", code: "kernel-attach", message: "no" } as const;
    node.kernel.exceptions = [{ ...failed, runningGeneration: 1 }];
    await operator.put({ ...operator.policy("web", "next", "web"), generation: 2 });
    await eventually(() => node.keeper.exceptions.length === 1);
    await operator.put({ ...operator.policy("all", "next"), generation: 2 });
    await eventually(() => node.kernel.inForce.all === 2);
    await using again = await node.restart({
      // Nothing runs in a kernel that is new.
      exceptions: ({ policies }) =>
        policies.some(({ uid, generation }) => uid === "web" && generation === 2)
          ? [{ ...failed, runningGeneration: 0 }]
          : [],
    });
    await eventually(() => again.kernel.inForce.web === 1);
    expect(again.keeper.exceptions).toMatchObject([{ ...failed, runningGeneration: 1 }]);
  });

  it("has its last version in force after a restart as well", async () => {
    await using at = await connected();
    const { operator, node } = at;
    await operator.put({
      ...operator.policy("web", "gone", "web"),
      generation: 2,
      digest: `sha256:${"ab".repeat(32)}`,
    });
    await eventually(() => node.keeper.exceptions.length === 1);
    expect(node.keeper.exceptions).toMatchObject([{ uid: "web", code: "bundle-policy-missing" }]);
    await using again = await node.restart();
    expect(again.kernel.inForce).toEqual({ all: 1, web: 1 });
  });
});

describe("a sensor without its operator", () => {
  it("has in force what was in force, from the first moment", async () => {
    await using at = await connected();
    await using again = await at.node.restart();
    expect(again.kernel.inForce).toEqual({ all: 1, web: 1 });
    expect(again.kernel.pods).toEqual({ "pod-1": ["all", "web"] });
    await eventually(() => at.operator.hub.nodes.length === 0);
    again.connect(at.operator);
    await eventually(() => at.operator.hub.rollout.of(at.all).ready === 1);
    // It had it all: nothing was sent, nothing done.
    expect(again.kernel.versions.length).toBe(1);
  });

  it("takes nothing of another node", async () => {
    await using at = await connected();
    await using again = await at.node.restart({ node: "b" });
    expect(again.kernel.versions).toEqual([]);
    expect(again.said('is of node \\"a\\"')).toBe(true);
  });

  it.each(["adopted", "fresh"] as const)(
    "with a damaged bundle and a kernel that is %s goes on with what is good",
    async (kernel) => {
      await using at = await connected();
      await at.operator.put({ ...at.operator.policy("all", "next"), generation: 2 });
      await eventually(() => at.node.kernel.inForce.all === 2);
      await at.node.stop();
      writeFileSync(join(at.node.folder, "operator/bundle"), "gander-bundle 1 00\n{}");
      await using again = await at.node.restart({ kernel });
      // The one before is older than what the kernel may still have: only an empty one gets it.
      expect(again.kernel.inForce).toEqual(kernel === "fresh" ? { all: 1, web: 1 } : {});
      expect(again.said("bundle is damaged")).toBe(true);
      again.connect(at.operator);
      await eventually(() => again.kernel.inForce.all === 2);
      await using third = await again.restart();
      expect(third.kernel.inForce).toEqual({ all: 2, web: 1 });
    },
  );

  it("with a damaged content does without that policy, and gets it again", async () => {
    await using at = await connected();
    await at.node.stop();
    writeFileSync(join(at.node.folder, "operator/policies", at.web.digest), "x");
    await using again = await at.node.restart();
    expect(again.kernel.inForce).toEqual({ all: 1 });
    expect(again.kernel.pods).toEqual({ "pod-1": ["all"] });
    await eventually(() => again.keeper.exceptions.length === 1);
    expect(again.keeper.exceptions).toMatchObject([{ uid: "web", code: "bundle-policy-damaged" }]);
    again.connect(at.operator);
    await eventually(() => again.kernel.inForce.web === 1);
    expect(again.keeper.exceptions).toEqual([]);
  });

  it("with everything damaged never takes away what the earlier sensor left in force", async () => {
    await using at = await connected();
    await at.node.stop();
    for (const name of ["bundle", "bundle.previous", `policies/${at.web.digest}`])
      writeFileSync(join(at.node.folder, "operator", name), "x");
    await using again = await at.node.restart({ kernel: "adopted" });
    again.connect(at.operator);
    await eventually(() => again.kernel.inForce.web === 1);
    // Its content was believed to be there at first: it was to stay meanwhile, whatever it is.
    expect(again.kernel.versions.map(({ unreadable }) => unreadable)).toEqual([["web"], []]);
    expect(again.keeper.exceptions).toEqual([]);
  });

  it("keeps no contents that nothing needs", async () => {
    await using at = await connected();
    for (let generation = 2; generation < 6; generation++) {
      await at.operator.put({ ...at.operator.policy("all", `text ${generation}`), generation });
      await eventually(() => at.node.kernel.inForce.all === generation);
    }
    // Of the last version, the one before, and what each of them replaced.
    expect(readdirSync(join(at.node.folder, "operator/policies"))).toHaveLength(4);
  });
});

describe("a full disk", () => {
  it("holds nothing back, is told, and its old bundle isn't taken for the newest", async () => {
    await using at = await connected();
    const { operator, node } = at;
    const trap = join(node.folder, "operator/bundle.new");
    symlinkSync("/dev/full", trap);
    await operator.put({ ...operator.policy("all", "next"), generation: 2 });
    await eventually(() => node.kernel.inForce.all === 2);
    expect(node.status.storeProblem).toContain("ENOSPC");
    expect(node.said("cannot be stored")).toBe(true);
    symlinkSync("/dev/full", trap);
    await using again = await node.restart({ kernel: "adopted" });
    expect(again.kernel.versions).toEqual([]);
    again.connect(operator);
    await eventually(() => again.kernel.inForce.all === 2);
  });

  it("that has room again gets what is in force", async () => {
    await using at = await connected();
    const { operator, node } = at;
    const folder = join(node.folder, "operator/policies");
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "");
    await operator.put({ ...operator.policy("all", "next"), generation: 2 });
    await eventually(() => node.kernel.inForce.all === 2);
    expect(node.status.storeProblem).not.toBe("");
    rmSync(folder);
    await eventually(() => node.status.storeProblem === "");
    await using again = await node.restart();
    expect(again.kernel.inForce.all).toBe(2);
  });
});

describe("credentials", () => {
  it("are read again for each connection", async () => {
    await using operator = await new TestOperator().start();
    await operator.put(operator.policy("all", "one"));
    await using node = new TestNode({ token: "expired" });
    node.connect(operator);
    await eventually(() => node.said("UNAUTHENTICATED: The token is not known"));
    expect(node.said("audience gander-operator")).toBe(true);
    writeFileSync(node.tokenFile, "token-a\n");
    await eventually(() => node.kernel.inForce.all === 1);
    const told = node.log.filter(({ level }) => level === "error");
    expect(told).toHaveLength(1);
  });

  it("of another node are refused, and the log says what to do", async () => {
    await using operator = await new TestOperator().start();
    await using node = new TestNode({ node: "b" });
    node.connect(operator);
    await eventually(() => node.said("PERMISSION_DENIED"));
    expect(node.said("--node-name")).toBe(true);
    expect(node.kernel.versions).toEqual([]);
  });

  it("are not shown to an operator of another authority", async () => {
    await using operator = await new TestOperator().start();
    const seen: string[] = [];
    operator.tokens.get = (token) => {
      seen.push(token);
      return undefined;
    };
    await using node = new TestNode({ ca: testCertificate("other").certificate });
    node.connect(operator);
    await eventually(() => node.said("--operator-ca"));
    expect([seen, node.kernel.versions]).toEqual([[], []]);
  });
});

it("what the kernel is like is told once to each replica", async () => {
  const { createHash } = await import("node:crypto");
  const facts = Buffer.alloc(500_000, "facts");
  const digest = createHash("sha256").update(facts).digest();
  await using operator = await new TestOperator().start();
  await using node = new TestNode({
    facts: async () => ({ digest, encoded: async () => facts }),
  });
  node.connect(operator);
  await eventually(() => operator.hub.facts.known.get(digest.toString("hex"))?.equals(facts));
});
