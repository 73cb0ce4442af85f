// SPDX-License-Identifier: Apache-2.0
import type { FromSensor, Hello } from "@gander/proto/stream";
import { streamCodec, streamLimits } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PolicyContents } from "../src/bundles/policy-contents.ts";
import { SensorHub } from "../src/sensors/sensor-hub.ts";
import { Resolver } from "../src/workloads/resolver.ts";
import { eventually, OperatorFixture, podOn } from "./operator-fixture.ts";

const hello: Hello = { node: "a", protocol: 1 };

describe("a stream is ended", () => {
  it.each<readonly [string, readonly FromSensor[], status]>([
    ["that begins with an answer", [{ ack: { epoch: "1" } }], status.FAILED_PRECONDITION],
    ["that begins with kernel facts", [{ kernel_facts: {} }], status.FAILED_PRECONDITION],
    ["that begins with nothing known", [{}], status.FAILED_PRECONDITION],
    ["that says Hello twice", [{ hello }, { hello }], status.FAILED_PRECONDITION],
    ["of another node", [{ hello: { ...hello, node: "b" } }], status.PERMISSION_DENIED],
    ["of no node", [{ hello: { protocol: 1 } }], status.PERMISSION_DENIED],
    ["two releases newer", [{ hello: { ...hello, protocol: 3 } }], status.FAILED_PRECONDITION],
    ["without a protocol", [{ hello: { node: "a" } }], status.FAILED_PRECONDITION],
    [
      "with a digest that is none",
      [{ hello: { ...hello, policies: [Buffer.alloc(31)] } }],
      status.INVALID_ARGUMENT,
    ],
    [
      "with a state that is none",
      [{ hello: { ...hello, state_digest: Buffer.alloc(33) } }],
      status.INVALID_ARGUMENT,
    ],
    [
      "with too many digests",
      [
        {
          hello: {
            ...hello,
            policies: Array.from({ length: streamLimits.policies + 1 }, () => Buffer.alloc(32)),
          },
        },
      ],
      status.INVALID_ARGUMENT,
    ],
    [
      "with an epoch at the end of time",
      [{ hello: { ...hello, epoch: "18446744073709551615" } }],
      status.INVALID_ARGUMENT,
    ],
    [
      "with a Hello larger than any message",
      [{ hello: { ...hello, sensor_version: "x".repeat(streamLimits.fromSensorBytes) } }],
      status.RESOURCE_EXHAUSTED,
    ],
    [
      "with facts nobody asked for",
      [{ hello }, { kernel_facts: { digest: Buffer.alloc(32), total: 9, data: Buffer.alloc(9) } }],
      status.INVALID_ARGUMENT,
    ],
    [
      "with a flood of answers",
      [{ hello }, ...Array.from({ length: 50 }, () => ({ ack: { epoch: "1" } }))],
      status.RESOURCE_EXHAUSTED,
    ],
    [
      "with a flood of what may be passed over",
      [{ hello }, ...Array.from({ length: 50 }, () => ({}))],
      status.RESOURCE_EXHAUSTED,
    ],
  ])("%s", async (_, messages, code) => {
    await using operator = await new OperatorFixture().start();
    operator.resolver.putNode("a", {});
    const sensor = operator.connect("of-a");
    for (const message of messages) sensor.send(message);
    expect((await sensor.ended).code).toBe(code);
    await eventually(() => operator.hub.streams === 0);
    expect(operator.hub.rollout.node("a")).toBeUndefined();
  });

  it("whose bytes are no message", async () => {
    await using operator = await new OperatorFixture().start();
    const sensor = operator.connect("of-a");
    sensor.sendBytes(Buffer.from([0x0a, 50, 1]));
    expect((await sensor.ended).code).toBe(status.INVALID_ARGUMENT);
  });

  it.each([
    ["without a token", undefined, status.UNAUTHENTICATED],
    ["with a wrong token", "wrong", status.UNAUTHENTICATED],
    ["with a token that is too long", `of-${"a".repeat(17_000)}`, status.UNAUTHENTICATED],
  ])("%s, before anything of it is read", async (_, token, code) => {
    await using operator = await new OperatorFixture().start();
    const open = vi.spyOn(operator.hub, "open");
    const sensor = operator.connect(token);
    sensor.send({ hello });
    expect((await sensor.ended).code).toBe(code);
    expect(open).not.toHaveBeenCalled();
  });

  it("for now, if its credentials can't be verified now; why stays here", async () => {
    const verify = () => Promise.reject(new Error("etcd is at 10.0.0.1"));
    await using operator = await new OperatorFixture({ verify }).start();
    const { code, details } = await operator.connect("of-a").ended;
    expect(code).toBe(status.UNAVAILABLE);
    expect(details).not.toContain("10.0.0.1");
  });

  it("beyond the number that is served; those that are verified count", async () => {
    let asked = 0;
    const verdict = Promise.withResolvers<{ node: string }>();
    const verify = () => {
      asked += 1;
      return verdict.promise;
    };
    await using operator = await new OperatorFixture({ verify, streams: 2 }).start();
    operator.connect("of-a");
    operator.connect("of-b");
    await eventually(() => asked === 2);
    expect((await operator.connect("of-c").ended).code).toBe(status.RESOURCE_EXHAUSTED);
    expect(asked).toBe(2);
    verdict.resolve({ node: "a" });
  });

  it("that went away while it was verified opens nothing", async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const verdict = Promise.withResolvers<{ node: string }>();
    const verify = (_: unknown, { signal }: { signal: AbortSignal }) => {
      asked.resolve(signal);
      return verdict.promise;
    };
    await using operator = await new OperatorFixture({ verify }).start();
    const open = vi.spyOn(operator.hub, "open");
    const sensor = operator.connect("of-a");
    const signal = await asked.promise;
    sensor[Symbol.dispose]();
    await eventually(() => signal.aborted);
    verdict.resolve({ node: "a" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(open).not.toHaveBeenCalled();
  });
});

it("a sensor that never answers costs one version, however much changes", async () => {
  await using operator = await new OperatorFixture().start();
  operator.resolver.putNode("a", {});
  const sent: Buffer[] = [];
  const session = operator.hub.open("a", { send: (one) => sent.push(one), end: () => {} });
  session.receive(streamCodec("gander.v1.FromSensor").encode({ hello }));
  const first = sent.length;
  for (let i = 0; i < 1000; i++) await operator.put(podOn("a", `pod-${i}`, "web"));
  // Welcome, and all of the version in one.
  expect([first, sent.length]).toEqual([2, 2]);
});

it("long policies are the same bytes in memory for all sensors", async () => {
  await using operator = await new OperatorFixture().start();
  const policy = operator.policy("all", "x".repeat(20_000));
  operator.resolver.putPolicy(policy);
  const codec = streamCodec("gander.v1.FromSensor");
  const sent = ["a", "b"].map((node) => {
    operator.resolver.putNode(node, {});
    const messages: Buffer[] = [];
    const session = operator.hub.open(node, { send: (one) => messages.push(one), end: () => {} });
    session.receive(codec.encode({ hello: { ...hello, node } }));
    return messages;
  });
  const message = operator.contents.message(policy.digest);
  for (const messages of sent) expect(messages.filter((one) => one === message)).toHaveLength(1);
});

describe("what must come in time", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  async function silent(messages: readonly FromSensor[]) {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const resolver = new Resolver();
    resolver.putNode("a", {});
    const hub = new SensorHub(
      { resolver, contents: new PolicyContents(), now: () => 1, monotonicNow: () => 0 },
      { helloTimeoutMs: 10, answerTimeoutMs: 100 },
    );
    const ended: string[] = [];
    const link = { send: () => {}, end: (_: status, reason: string) => void ended.push(reason) };
    const session = hub.open("a", link);
    const codec = streamCodec("gander.v1.FromSensor");
    for (const message of messages) session.receive(codec.encode(message));
    return { hub, ended };
  }

  it("is Hello", async () => {
    const { hub, ended } = await silent([]);
    vi.advanceTimersByTime(9);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ended).toEqual(["No Hello came in time"]);
    expect(hub.streams).toBe(0);
  });

  it("is the answer to a version", async () => {
    const { hub, ended } = await silent([{ hello }]);
    vi.advanceTimersByTime(99);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ended).toEqual(["A version was not answered in time"]);
    expect(hub.nodes).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
