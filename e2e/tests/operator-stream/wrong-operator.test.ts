// SPDX-License-Identifier: Apache-2.0
// What a sensor does with an operator that says what it shouldn't: what is in force stays.
import { streamLimits, type ToSensor } from "@gander/proto/stream";
import { describe, expect, it } from "vitest";
import { TestNode } from "./test-node.ts";
import { commit, content, head, version, WireOperator } from "./wire-operator.ts";

const eventually = (holds: () => unknown) =>
  expect.poll(holds, { timeout: 15_000, interval: 5 }).toBeTruthy();

/** Policy `good` is in force by version 1000. */
async function served() {
  const parts = new AsyncDisposableStack();
  const operator = parts.use(await new WireOperator().start());
  const node = parts.use(new TestNode());
  node.connect({ port: operator.port, tls: false });
  await eventually(() => operator.hellos.length === 1);
  operator.send(version(1000, { good: "one" }));
  await eventually(() => operator.acks.length === 1);
  return { operator, node, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const offer = (epoch: number, base = 0): ToSensor => ({
  offer: { epoch: String(epoch), ...(base > 0 && { base_epoch: String(base) }) },
});
const set = { sets: [{ policies: ["good"] }] };

describe("a version is refused as a whole", () => {
  it.each<readonly [string, readonly ToSensor[], string]>([
    ["that is older", [version(999, { evil: "x" })], "not above 1000"],
    ["that came before", [version(1000, { good: "one" })], "not above 1000"],
    ["to another base", [{ ...offer(1001, 900), commit: commit(1001) }], "a difference to 900"],
    [
      "that takes an unknown state for granted",
      [{ commit: commit(1001) }],
      "takes for granted a state",
    ],
    ["without an Offer", [{ policies: [content("x")], commit: commit(1001) }], "has no Offer"],
    ["under two epochs", [offer(1001), offer(1002), { commit: commit(1002) }], "two epochs"],
    ["committed as another", [offer(1001), { commit: commit(1002) }], "offered as 1001"],
    [
      "with a policy without UID",
      [{ offer: { epoch: "1001", put: [head("", "x")] }, commit: commit(1001) }],
      "no UID",
    ],
    [
      "with a policy without digest",
      [
        {
          offer: { epoch: "1001", put: [head("a", "x", { digest: Buffer.alloc(31) })] },
          commit: commit(1001),
        },
      ],
      "no digest",
    ],
    [
      "without a state digest",
      [{ ...offer(1001), commit: { ...commit(1001), state_digest: Buffer.alloc(0) } }],
      "no digest",
    ],
    [
      "with an epoch that is no exact number",
      [{ offer: { epoch: "18446744073709551615" }, commit: commit(1001) }],
      "out of bounds",
    ],
    [
      "with a pod whose set isn't there",
      [
        {
          ...offer(1001, 1000),
          assignment: { ...set, put: [{ uid: "p", set: 7 }] },
          commit: commit(1001),
        },
      ],
      "a set that isn't in its message",
    ],
    [
      "with a pod whose policy isn't there",
      [{ ...offer(1001), assignment: { ...set, put: [{ uid: "p" }] }, commit: commit(1001) }],
      "has the policy good, which it hasn't",
    ],
    [
      "with too many policies",
      [
        {
          offer: {
            epoch: "1001",
            put: Array.from({ length: streamLimits.policies + 1 }, (_, i) => head(`p${i}`, "x")),
          },
          commit: commit(1001),
        },
      ],
      `more than ${streamLimits.policies} policies`,
    ],
  ])("%s", async (_, messages, reason) => {
    await using at = await served();
    const { operator, node } = at;
    for (const message of messages) operator.send(message);
    await eventually(() => operator.acks.length === 2);
    expect(operator.acks[1]?.refusal?.reason).toContain(reason);
    expect([node.kernel.versions.length, node.kernel.inForce]).toEqual([1, { good: 1 }]);
    operator.send(version(2000, { good: "one", next: "two" }));
    await eventually(() => node.kernel.inForce.next === 1);
    expect(operator.streams).toBe(1);
  });

  it("that is larger than a sensor takes", async () => {
    await using at = await served();
    const { operator, node } = at;
    operator.send(offer(1001));
    const large = { digest: Buffer.alloc(32), content: Buffer.alloc(streamLimits.policyBytes) };
    for (let i = 0; i < 66; i++) operator.send({ policies: [large] });
    operator.send({ commit: commit(1001) });
    await eventually(() => operator.acks.length === 2);
    expect(operator.acks[1]?.refusal?.reason).toContain("larger than");
    expect(node.kernel.inForce).toEqual({ good: 1 });
  });
});

describe("a policy is refused, and the others go on", () => {
  it.each<readonly [string, ToSensor, string]>([
    [
      "whose content isn't what was announced",
      { policies: [{ ...content("x"), content: content("y").content }] },
      "bundle-policy-damaged",
    ],
    ["whose content doesn't come", {}, "bundle-policy-missing"],
    [
      "whose content is no policy",
      { policies: [{ digest: content("x").digest, content: Buffer.from("garbage") }] },
      "bundle-policy-damaged",
    ],
  ])("%s", async (_, more, code) => {
    await using at = await served();
    const { operator, node } = at;
    const put = [head("a", "x"), head("b", "two")];
    operator.send({ offer: { epoch: "1001", base_epoch: "1000", put } });
    operator.send({ ...more, policies: [...(more.policies ?? []), content("two")] });
    operator.send({ commit: commit(1001) });
    await eventually(() => operator.acks.length === 2);
    expect(node.kernel.inForce).toEqual({ good: 1, b: 1 });
    expect(operator.acks[1]).toMatchObject({
      exceptions: [{ uid: "a", state: "POLICY_STATE_REFUSED", code }],
    });
  });

  it("that is to run in a mode which isn't known", async () => {
    await using at = await served();
    at.operator.send({
      offer: { epoch: "1001", put: [head("a", "x", { mode: "hold" }), head("b", "x")] },
      policies: [content("x")],
      commit: commit(1001),
    });
    await eventually(() => at.node.kernel.inForce.b === 1);
    expect(at.node.keeper.exceptions).toMatchObject([{ uid: "a", code: "bundle-policy-newer" }]);
  });
});

describe("a stream is ended from here, and begun anew", () => {
  it.each<readonly [string, (operator: WireOperator) => void, string]>([
    ["with garbage", (operator) => operator.sendBytes(Buffer.alloc(100, 0xff)), "not a gander"],
    [
      "with a message that is too large",
      (operator) => operator.sendBytes(Buffer.alloc(streamLimits.toSensorBytes + 1)),
      "RESOURCE_EXHAUSTED",
    ],
    ["with a second Welcome", (operator) => operator.send({ welcome: { protocol: 1 } }), "twice"],
    [
      "with a version before the last was answered",
      (operator) => {
        operator.send(version(1001, { good: "one", a: "x" }));
        operator.send(version(1002, { good: "one", a: "y" }));
      },
      "before the one before it",
    ],
  ])("%s", async (_, wrong, reason) => {
    await using at = await served();
    const { operator, node } = at;
    wrong(operator);
    await eventually(() => operator.hellos.length > 1);
    expect(node.said(reason)).toBe(true);
    expect(node.kernel.inForce.good).toBe(1);
    operator.send(version(2000, { good: "one", next: "two" }));
    await eventually(() => node.kernel.inForce.next === 1);
  });

  it.each([0, 7])("that wants to speak protocol %d", async (protocol) => {
    await using operator = await new WireOperator().start();
    operator.onHello = () => operator.send({ welcome: { protocol } });
    await using node = new TestNode();
    node.connect({ port: operator.port, tls: false });
    await eventually(() => operator.hellos.length > 1);
    expect(node.said(`protocol ${protocol}`)).toBe(true);
  });

  it("that begins without a Welcome", async () => {
    await using operator = await new WireOperator().start();
    operator.onHello = () => operator.send(version(1000, { good: "one" }));
    await using node = new TestNode();
    node.connect({ port: operator.port, tls: false });
    await eventually(() => operator.hellos.length > 1);
    expect(node.kernel.versions).toEqual([]);
  });
});

it("fields and messages of a newer operator are passed over", async () => {
  await using at = await served();
  const { operator, node } = at;
  // Field 99 with a text, in ToSensor.
  operator.sendBytes(Buffer.from([0x9a, 0x06, 0x01, 0x78]));
  operator.send(version(1001, { good: "one", next: "two" }));
  await eventually(() => node.kernel.inForce.next === 1);
  expect(operator.streams).toBe(1);
});

it("a Hello says what is here, and nothing of it is sent again", async () => {
  await using at = await served();
  await using again = await at.node.restart();
  again.connect({ port: at.operator.port, tls: false });
  await eventually(() => at.operator.hellos.length === 2);
  expect(at.operator.hellos[1]).toMatchObject({
    ...{ node: "a", protocol: 1, epoch: "1000" },
    state_digest: commit(1000).state_digest,
    policies: [content("one").digest],
  });
  at.operator.send({ commit: { ...commit(1000), epoch: "1500" } });
  await eventually(() => at.operator.acks.length === 2);
  expect([at.operator.acks[1]?.refusal, again.kernel.inForce]).toEqual([undefined, { good: 1 }]);
  expect(again.status.epoch).toBe(1500);
});
