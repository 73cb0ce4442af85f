// SPDX-License-Identifier: Apache-2.0
import { codec } from "@gander/proto";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { coverageHeaders } from "../src/fleet/watch-events.ts";
import { eventually } from "./operator-fixture.ts";
import { newAuthority, ReplicaFixture, type TestLease } from "./replica-fixture.ts";
import type { SimulatedSensor } from "./simulated-sensor.ts";

let authority: Awaited<ReturnType<typeof newAuthority>>;
let stack: AsyncDisposableStack;
let lease: TestLease;

beforeEach(async () => {
  authority = await newAuthority();
  stack = new AsyncDisposableStack();
  lease = { holder: "" };
});
afterEach(() => stack.disposeAsync());

const start = async (name: string) =>
  stack.use(await ReplicaFixture.start({ name, lease, authority }));

/** Sensor `a` at the holder, sensor `b` at the other replica. */
async function startTwo() {
  const [first, second] = [await start("first"), await start("second")];
  for (const replica of [first, second]) replica.nodes("a", "b");
  lease.holder = first.identity;
  const [a, b] = [first.sensor("a"), second.sensor("b")];
  const admin = first.person("admin");
  await expect.poll(async () => (await admin.status()).connected).toBe(2);
  return { first, second, a, b };
}

it.each(["first", "second"] as const)(
  "events of all nodes come to whoever asks the %s replica, with the names of their nodes",
  async (asked) => {
    const { first, second, a, b } = await startTwo();
    const watching = { first, second }[asked].person("admin").watch();
    const headers = await watching.begun;
    expect(headers.get(coverageHeaders.watching)).toEqual(["2"]);
    expect(headers.get(coverageHeaders.connected)).toEqual(["2"]);
    a.publish(3);
    b.publish(4);
    b.publish(0, { missing: "6" });
    await eventually(() => watching.events === 7 && watching.missing === 6);
    expect([...watching.nodes].sort()).toEqual([
      ["a", 3],
      ["b", 4],
    ]);
    watching.stream.cancel();
    await eventually(() => !a.isWatched && !b.isWatched);
  },
);

it("sensors filter: the request goes to them as it came, once for all who ask the same", async () => {
  const { first, a, b } = await startTwo();
  const request = { allow_list: [{ binary_regex: ["^/tmp/"] }] };
  const person = first.person("admin");
  const readers = [person.watch(request), person.watch(request), person.watch()];
  for (const { begun } of readers) await begun;
  for (const sensor of [a, b]) {
    const asked = [...sensor.orders.values()].map((bytes) =>
      codec("tetragon.GetEventsRequest").decode(bytes),
    );
    expect(asked).toHaveLength(2);
    expect(asked).toContainEqual(request);
  }
  readers[0]?.stream.cancel();
  readers[2]?.stream.cancel();
  await eventually(() => a.orders.size === 1 && b.orders.size === 1);
  a.publish(1);
  await eventually(() => readers[1]?.events === 1);
});

it("what no sensor understands is refused with its words; what some don't is told", async () => {
  const { first, a, b } = await startTwo();
  a.refusal = "allow_list[0].shoe_size: this field is newer than the sensor";
  const person = first.person("admin");
  const partly = person.watch();
  expect((await partly.begun).get(coverageHeaders.refused)).toEqual(["1"]);
  b.refusal = a.refusal;
  const refused = await person.watch({ allow_list: [{ pid: [1] }] }).ended;
  expect(refused.code).toBe(status.INVALID_ARGUMENT);
  expect(refused.details).toContain("shoe_size");
});

it("a sensor that comes later is watched as well", async () => {
  const { first, second } = await startTwo();
  for (const replica of [first, second]) replica.nodes("c");
  const watching = first.person("admin").watch();
  await watching.begun;
  const c = second.sensor("c");
  await eventually(() => c.orders.size === 1);
  c.publish(2);
  await eventually(() => watching.nodes.get("c") === 2);
});

it.each(["first", "second"] as const)(
  "where the %s replica loses a sensor, its events end with a mark without a number",
  async (its) => {
    const { first, second } = await startTwo();
    for (const replica of [first, second]) replica.nodes("c");
    const c = { first, second }[its].sensor("c");
    const admin = first.person("admin");
    await expect.poll(async () => (await admin.status()).connected).toBe(3);
    const watching = admin.watch();
    await watching.begun;
    c.publish(1);
    await eventually(() => watching.nodes.get("c") === 1);
    c[Symbol.dispose]();
    await eventually(() => watching.last?.rate_limit_info !== undefined);
    expect(watching.last).toMatchObject({ node_name: "c", rate_limit_info: {} });
    expect(watching.missing).toBe(0);
  },
);

it("a replica that goes leaves a mark that names no node", async () => {
  const { first, second } = await startTwo();
  const watching = first.person("admin").watch();
  await watching.begun;
  await second[Symbol.asyncDispose]();
  await eventually(() => watching.last?.rate_limit_info !== undefined);
  expect(watching.last?.node_name ?? "").toBe("");
});

it("a sensor that tells of another node is cut off, and nothing of it is shown", async () => {
  const { first, a } = await startTwo();
  const watching = first.person("admin").watch();
  await watching.begun;
  a.publish(1);
  a.publish(5, { nodeName: "b" });
  await eventually(() => !a.isWatched);
  expect([...watching.nodes]).toEqual([["a", 1]]);
});

it("when another replica takes over, watchers are told to come again", async () => {
  const { first, second, b } = await startTwo();
  const readers = [first.person("admin").watch(), second.person("admin").watch()];
  for (const { begun } of readers) await begun;
  lease.holder = second.identity;
  for (const { ended } of readers) expect((await ended).code).toBe(status.UNAVAILABLE);
  await expect.poll(async () => (await second.person("admin").status()).connected).toBe(2);
  const again = second.person("admin").watch();
  await again.begun;
  b.publish(1);
  await eventually(() => again.nodes.get("b") === 1);
});

/** As fast as the way takes them. */
async function flood(sensor: SimulatedSensor, batches: number, size: number): Promise<number> {
  for (let i = 0; i < batches; i++) {
    if (!sensor.publish(size)) await sensor.drained();
    else if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return batches * size;
}

it("what slow readers miss is counted to the last event, and is theirs alone", async () => {
  const { first, second, a, b } = await startTwo();
  // Both ways: at the holder, and passed on by the other replica.
  const slow = [first.person("admin").watch(), second.person("admin").watch()];
  const fast = first.person("admin").watch({ allow_list: [{ pid: [1] }] });
  for (const { begun } of [...slow, fast]) await begun;
  for (const { stream } of slow) stream.pause();
  // Both sensors publish each of their events for each order.
  const sent = (await flood(a, 100, 100)) + (await flood(b, 100, 100));
  await expect.poll(() => fast.events + fast.missing, { timeout: 60_000 }).toBe(sent);
  for (const { stream } of slow) stream.resume();
  for (const reader of slow) {
    await expect.poll(() => reader.events + reader.missing, { timeout: 60_000 }).toBe(sent);
    expect(reader.missing).toBeGreaterThan(fast.missing);
  }
}, 120_000);
