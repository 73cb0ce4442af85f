// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { digestBytes } from "@gander/policy/content";
import type { FromSensor, PolicyException } from "@gander/proto/stream";
import { streamCodec, streamLimits } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { eventually, OperatorFixture, podOn } from "./operator-fixture.ts";

const hex = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString("hex");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** Node `a` with a pod of app `web`, policy `all` for everything, `web` for that app. */
async function cluster(options?: ConstructorParameters<typeof OperatorFixture>[0]) {
  const operator = await new OperatorFixture(options).start();
  const all = operator.policy("all", "one");
  const web = operator.policy("web", "two", "web");
  operator.resolver.putNode("a", {});
  operator.resolver.putPolicy(all);
  operator.resolver.putPolicy(web);
  operator.resolver.putPod(podOn("a", "pod-1", "web"));
  return { operator, all, web };
}

describe("a sensor", () => {
  it("gets everything at first, and only what changed after it answered", async () => {
    const { operator, all, web } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    expect(await sensor.next()).toEqual({ welcome: { protocol: 1 } });
    const first = await sensor.version();
    expect(first.offers.flatMap(({ put = [] }) => put.map(({ uid }) => uid))).toEqual([
      "all",
      "web",
    ]);
    expect(first.contents).toEqual([all.digest, web.digest]);
    expect(first.pods).toEqual({ "pod-1": ["all", "web"] });
    expect(operator.hub.rollout.of(all)).toMatchObject({ answered: 0, ready: 0 });
    sensor.ack(first.commit);
    await eventually(() => operator.hub.rollout.of(all).ready === 1);

    const changed = { ...operator.policy("web", "three", "web"), generation: 2 };
    await operator.put(changed);
    const second = await sensor.version();
    expect(second.offers).toEqual([
      {
        epoch: second.commit.epoch,
        base_epoch: first.commit.epoch,
        put: [expect.objectContaining({ uid: "web", generation: "2" })],
      },
    ]);
    expect([second.contents, second.pods]).toEqual([[changed.digest], {}]);
    expect(Number(second.commit.epoch)).toBeGreaterThan(Number(first.commit.epoch));
    sensor.ack(second.commit);
    await eventually(() => operator.hub.rollout.of(changed).ready === 1);
    expect(operator.hub.rollout.of(web).answered).toBe(0);

    await operator.hub.push(operator.resolver.deletePod("pod-1"));
    const third = await sensor.version();
    expect(third.offers).toMatchObject([{ remove: ["web"] }]);
    expect(third.removedPods).toEqual(["pod-1"]);
  });

  it("is sent contents that have their digests", async () => {
    const { operator } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    let seen = 0;
    for (;;) {
      const { policies = [], commit } = await sensor.next();
      for (const { digest, content = new Uint8Array() } of policies) {
        expect(hex(sha256(content))).toBe(hex(digest));
        seen++;
      }
      if (commit !== undefined) break;
    }
    expect(seen).toBe(2);
  });

  it("has one version outstanding; the next is the latest state", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    const first = await sensor.version();
    for (const content of ["x", "y", "z"]) await operator.put(operator.policy("all", content));
    const latest = operator.policy("all", "z");
    await operator.put(podOn("a", "pod-2", "db"));
    sensor.ack(first.commit);
    const second = await sensor.version();
    expect(second.contents).toEqual([latest.digest]);
    expect(second.pods).toEqual({ "pod-2": ["all"] });
    sensor.ack(second.commit);
    await eventually(() => operator.hub.rollout.of(all).answered === 0);
    expect(operator.hub.session("a")?.isWaiting).toBe(false);
  });

  it("that has what is wanted again has answered for it, without a version", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    const { commit } = await sensor.version();
    const exceptions: readonly PolicyException[] = [
      { uid: "web", state: "POLICY_STATE_DEGRADED", code: "hook-weaker" },
    ];
    sensor.ack(commit, { exceptions });
    await eventually(() => operator.hub.rollout.of(all).ready === 1);
    // Before the nodes are told, the policies become others and what they were.
    const { resolver, hub } = operator;
    for (const content of ["x", "one"]) resolver.putPolicy(operator.policy("all", content));
    for (const content of ["y", "two"]) resolver.putPolicy(operator.policy("web", content, "web"));
    await hub.push(["a"]);
    const wanted = (uid: string) => {
      const revision = resolver.revision(uid);
      return revision && hub.rollout.of(revision);
    };
    expect(hub.session("a")?.isWaiting).toBe(false);
    expect(wanted("all")).toEqual({ answered: 1, ready: 1, states: {}, worst: [] });
    expect(wanted("web")).toMatchObject({ answered: 1, ready: 1, worst: [{ node: "a" }] });
    expect(hub.rollout.of(all).answered).toBe(0);
  });

  it("isn't sent a content twice, under whatever policy it comes", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    sensor.ack((await sensor.version()).commit);
    await eventually(() => operator.hub.rollout.of(all).ready === 1);
    operator.resolver.putPolicy({ ...all, uid: "copy", name: "copy" });
    await operator.put({ ...all, generation: 2 });
    const version = await sensor.version();
    const offered = version.offers.flatMap(({ put = [] }) => put.map(({ uid }) => uid));
    expect([offered, version.contents]).toEqual([["all", "copy"], []]);
  });

  it("whose node is not known yet is served when it is", async () => {
    await using operator = await new OperatorFixture().start();
    const sensor = operator.connect("of-late");
    sensor.hello({ node: "late" });
    await sensor.next();
    await eventually(() => operator.hub.nodes.includes("late"));
    await operator.hub.push(operator.resolver.putNode("late", {}));
    expect((await sensor.version()).offers).toHaveLength(1);
  });

  it("that goes is forgotten, and its counts with it", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    sensor.ack((await sensor.version()).commit);
    sensor.send({ summary: { counting_since: "1", policies: [{ uid: "all", hits: "5" }] } });
    await eventually(() => operator.hub.totals.of("all").hits === 5);
    sensor[Symbol.dispose]();
    await eventually(() => operator.hub.streams === 0);
    expect(operator.hub.rollout.of(all).answered).toBe(0);
    expect(operator.hub.totals.of("all").hits).toBe(0);
  });

  it("that opens another stream has only that one", async () => {
    const { operator } = await cluster();
    await using _ = operator;
    const older = operator.connect("of-a");
    older.hello({ node: "a" });
    await older.version();
    const newer = operator.connect("of-a");
    newer.hello({ node: "a" });
    expect((await older.ended).code).toBe(status.ABORTED);
    newer.ack((await newer.version()).commit);
    await eventually(() => operator.hub.session("a")?.isWaiting === false);
    expect(operator.hub.nodes).toEqual(["a"]);
  });
});

describe("a sensor that comes again", () => {
  it("with the whole state is sent a Commit alone, above its epoch", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const before = operator.connect("of-a");
    before.hello({ node: "a" });
    const { commit } = await before.version();
    before[Symbol.dispose]();
    const sensor = operator.connect("of-a");
    // As from a replica whose clock is ahead.
    sensor.hello({ node: "a", epoch: "5000", state_digest: commit.state_digest });
    const version = await sensor.version();
    expect([version.offers, version.contents, version.pods]).toEqual([[], [], {}]);
    expect(version.commit.epoch).toBe("5001");
    sensor.ack(version.commit);
    await eventually(() => operator.hub.rollout.of(all).ready === 1);
  });

  it("with some policies isn't sent those", async () => {
    const { operator, all, web } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    const policies = [digestBytes(all.digest), Buffer.alloc(32, 7)];
    sensor.hello({ node: "a", epoch: "3", state_digest: Buffer.alloc(32), policies });
    const version = await sensor.version();
    expect(version.offers).toMatchObject([{ put: [{ uid: "all" }, { uid: "web" }] }]);
    expect(version.offers[0]?.base_epoch).toBeUndefined();
    expect(version.contents).toEqual([web.digest]);
  });

  it("and claimed a policy that it then refuses is sent it, and everything else, once", async () => {
    const { operator, all, web } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a", policies: [digestBytes(all.digest)] });
    const refused: PolicyException = { uid: "all", state: "POLICY_STATE_REFUSED" };
    sensor.ack((await sensor.version()).commit, { exceptions: [refused] });
    const second = await sensor.version();
    expect(second.contents).toEqual([all.digest, web.digest]);
    sensor.ack(second.commit, { exceptions: [refused] });
    await eventually(() => operator.hub.session("a")?.isWaiting === false);
    expect(operator.hub.rollout.of(all)).toMatchObject({
      answered: 1,
      ready: 0,
      states: { POLICY_STATE_REFUSED: 1 },
    });
  });

  it("and claimed a state that it hasn't is sent everything", async () => {
    const { operator, all, web } = await cluster();
    await using _ = operator;
    const before = operator.connect("of-a");
    before.hello({ node: "a" });
    const { state_digest } = (await before.version()).commit;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a", state_digest, policies: [digestBytes(all.digest)] });
    sensor.ack((await sensor.version()).commit, { refusal: { reason: "damaged on disk" } });
    expect((await sensor.version()).contents).toEqual([all.digest, web.digest]);
  });
});

describe("answers", () => {
  it("name the policies that are not in force; the others are", async () => {
    const { operator, all, web } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    const { commit } = await sensor.version();
    const exceptions: readonly PolicyException[] = [
      {
        uid: "web",
        state: "POLICY_STATE_UNSUPPORTED",
        code: "kernel-no-function",
        message: "é".repeat(600),
        running_generation: "7",
      },
      { uid: "web", state: "POLICY_STATE_FAILED" },
      { uid: "nobody's", state: "POLICY_STATE_FAILED" },
    ];
    sensor.ack(commit, { exceptions });
    await eventually(() => operator.hub.rollout.of(all).ready === 1);
    const { worst, ...counts } = operator.hub.rollout.of(web);
    expect(counts).toEqual({ answered: 1, ready: 0, states: { POLICY_STATE_UNSUPPORTED: 1 } });
    expect(worst).toMatchObject([{ node: "a", code: "kernel-no-function", runningGeneration: 7 }]);
    expect(Buffer.byteLength(worst[0]?.message ?? "")).toBe(streamLimits.reasonBytes);
    expect(worst[0]?.message).not.toContain("\ufffd");

    // It may say so later as well, as when a policy could be loaded after all.
    sensor.ack(commit, { exceptions: [{ uid: "web", state: "POLICY_STATE_DEGRADED" }] });
    await eventually(() => operator.hub.rollout.of(web).ready === 1);
    expect(operator.hub.rollout.of(web).states).toEqual({ POLICY_STATE_DEGRADED: 1 });
  });

  it.each([
    ["of an older epoch", { epoch: "999" }],
    ["of an epoch that never was", { epoch: "99999" }],
    ["with another nonce", { nonce: "77" }],
  ])("%s count for nothing", async (_, other) => {
    const { operator, all } = await cluster();
    await using __ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    const { commit } = await sensor.version();
    sensor.ack(commit, other);
    // A message behind it that has an effect: the answer was read.
    sensor.hello({ node: "a" });
    const order: string[] = [];
    const rollout = operator.hub.rollout;
    const answered = rollout.answered.bind(rollout);
    rollout.answered = (...args) => {
      order.push("answered");
      answered(...args);
    };
    await sensor.ended;
    expect(order).toEqual([]);
    expect(rollout.of(all).answered).toBe(0);
  });

  it("with another digest are refusals; after three the sensor has to come again", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a" });
    for (let i = 0; i < 3; i++) {
      const { commit, contents } = await sensor.version();
      expect(contents).toHaveLength(2);
      sensor.ack(commit, { state_digest: Buffer.alloc(32, 1) });
    }
    expect((await sensor.ended).code).toBe(status.ABORTED);
    expect(operator.hub.rollout.of(all).answered).toBe(0);
  });

  it("of a newer protocol are worked with", async () => {
    const { operator, all } = await cluster();
    await using _ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a", protocol: 2 });
    expect(await sensor.next()).toMatchObject({ welcome: { protocol: 1 } });
    const { commit } = await sensor.version();
    // A member of `message` with number 100, and a state with number 99.
    sensor.sendBytes(Buffer.from([0xa2, 0x06, 1, 65]));
    const state = 99 as unknown as PolicyException["state"];
    sensor.ack(commit, { exceptions: [{ uid: "all", state }] });
    await eventually(() => operator.hub.rollout.of(all).answered === 1);
    expect(operator.hub.rollout.of(all).states).toEqual({ POLICY_STATE_FAILED: 1 });
  });
});

describe("summaries", () => {
  it("add up over sensors, replace what came before, and start again with another begin", async () => {
    const { operator } = await cluster();
    await using _ = operator;
    operator.resolver.putNode("b", {});
    const [a, b] = [operator.connect("of-a"), operator.connect("of-b")];
    for (const [node, sensor] of [
      ["a", a],
      ["b", b],
    ] as const) {
      sensor.hello({ node });
      sensor.ack((await sensor.version()).commit);
    }
    const send = (sensor: typeof a, since: string, hits: string, uid = "all") =>
      sensor.send({ summary: { counting_since: since, policies: [{ uid, hits, lost: "1" }] } });
    const hits = () => operator.hub.totals.of("all").hits;
    send(a, "1", "10");
    send(b, "1", "5");
    await eventually(() => hits() === 15);
    send(a, "1", "12");
    await eventually(() => hits() === 17);
    send(a, "2", "1");
    await eventually(() => hits() === 6);
    expect(operator.hub.totals.of("all").lost).toBe(2);
    // What is not named after a new begin is 0 again.
    a.send({ summary: { counting_since: "3" } });
    await eventually(() => hits() === 5);
    send(a, "3", "1");
    await eventually(() => hits() === 6);
    // Neither a policy it hasn't, nor a number that can't be.
    send(b, "1", "9", "web");
    send(b, "1", "18446744073709551615");
    send(b, "1", "6");
    await eventually(() => hits() === 7);
    expect(operator.hub.totals.of("web").hits).toBe(0);
  });
});

describe("kernel facts", () => {
  const facts = Buffer.from(
    streamCodec("gander.v1.KernelFacts").encode({ release: "6.12", btf: Buffer.alloc(300_000, 3) }),
  );
  const digest = sha256(facts);
  const part = (offset: number, data: Buffer, total = facts.length): FromSensor => ({
    kernel_facts: { digest, offset, total, data },
  });
  const half = streamLimits.kernelFactsPartBytes;

  it("are asked of one node for each kernel", async () => {
    const { operator } = await cluster();
    await using _ = operator;
    const [a, b] = [operator.connect("of-a"), operator.connect("of-b")];
    a.hello({ node: "a", kernel_facts: digest });
    expect(await a.next()).toMatchObject({ welcome: { send_kernel_facts: true } });
    b.hello({ node: "b", kernel_facts: digest });
    expect((await b.next()).welcome?.send_kernel_facts).toBeUndefined();
    a.send(part(0, facts.subarray(0, half)));
    a.send(part(half, facts.subarray(half)));
    await eventually(() => operator.hub.facts.known.has(hex(digest)));
    expect(operator.hub.facts.known.get(hex(digest))).toEqual(facts);
  });

  it("of a sensor that goes are asked of the next", async () => {
    const { operator } = await cluster();
    await using _ = operator;
    const a = operator.connect("of-a");
    a.hello({ node: "a", kernel_facts: digest });
    await a.next();
    a.send(part(0, facts.subarray(0, half)));
    a[Symbol.dispose]();
    await eventually(() => operator.hub.streams === 0);
    const b = operator.connect("of-b");
    b.hello({ node: "b", kernel_facts: digest });
    expect(await b.next()).toMatchObject({ welcome: { send_kernel_facts: true } });
  });

  it.each([
    ["in the wrong order", [part(half, facts.subarray(half))]],
    [
      "of another length than before",
      [part(0, facts.subarray(0, 9)), part(9, facts.subarray(9, 20), 99)],
    ],
    ["longer than they may be", [part(0, facts.subarray(0, 9), streamLimits.kernelFactsBytes + 1)]],
    ["empty, again and again", [part(0, facts.subarray(0, 0))]],
    ["with another digest", [part(0, Buffer.alloc(9), 9)]],
  ])("%s end the stream and are not believed", async (_, parts) => {
    const { operator } = await cluster();
    await using __ = operator;
    const sensor = operator.connect("of-a");
    sensor.hello({ node: "a", kernel_facts: digest });
    await sensor.next();
    for (const one of parts) sensor.send(one);
    expect((await sensor.ended).code).toBe(status.INVALID_ARGUMENT);
    expect(operator.hub.facts.known.size).toBe(0);
  });
});
