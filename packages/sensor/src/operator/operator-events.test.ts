// SPDX-License-Identifier: Apache-2.0
import { codec, eventKind, type GetEventsRequest, type GetEventsResponse } from "@gander/proto";
import { type EventBatch, eventsPath, streamCodec } from "@gander/proto/stream";
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import { afterEach, expect, it } from "vitest";
import { createSensorEvent } from "../events/sensor-event.ts";
import { createEventPublisher } from "../pipeline/event-publisher.ts";
import { createOperatorEvents, type EventCall, type OperatorEvents } from "./operator-events.ts";

const asIs = (bytes: Buffer) => bytes;
const batches = streamCodec("gander.v1.EventBatch");
const orders = streamCodec("gander.v1.EventOrder");
const events = codec("tetragon.GetEventsResponse");

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

type Call = ServerDuplexStream<Buffer, Buffer>;

/** The operator's side of Events on a real socket, which writes down what it gets. */
async function startOperator() {
  const calls: Call[] = [];
  const taken: EventBatch[] = [];
  const server = new Server();
  const method = {
    path: eventsPath,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
  server.addService(
    { Events: method },
    {
      Events: (call: Call) => {
        calls.push(call);
        call.on("data", (bytes: Buffer) => taken.push(batches.decode(bytes)));
        call.on("error", () => {});
        call.on("end", () => call.end());
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, found) =>
      error === null ? resolve(found) : reject(error),
    ),
  );
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  opened.push(() => {
    client.close();
    server.forceShutdown();
  });
  return {
    calls,
    taken,
    dial: () => client.makeBidiStreamRequest(eventsPath, asIs, asIs) as unknown as EventCall,
    order: (order: Parameters<typeof orders.encode>[0]) =>
      calls.at(-1)?.write(Buffer.from(orders.encode(order))),
  };
}

const request = (one: GetEventsRequest) => codec("tetragon.GetEventsRequest").encode(one);

/** A sensor as far as events go: exec and exit can be published. */
function startSensor() {
  const publisher = createEventPublisher({ nodeName: "node-a", clusterName: "", nodeLabels: {} });
  const relay: OperatorEvents = createOperatorEvents({
    events: publisher,
    filters: { withCredentials: false },
  });
  opened.push(() => relay[Symbol.dispose]());
  const publish = (kind: "rateLimitInfo" | "exit", count = 1) => {
    for (let i = 0; i < count; i++)
      publisher.publish({ ...createSensorEvent(), kind: eventKind[kind] });
  };
  return { publisher, relay, publish };
}

const eventsOf = (taken: readonly EventBatch[], order: number): readonly GetEventsResponse[] =>
  taken
    .filter((batch) => batch.order === order)
    .flatMap((batch) => (batch.events ?? []).map((bytes) => events.decode(bytes)));

it("brings the events that an order asks for, as they are, until it is stopped", async () => {
  const operator = await startOperator();
  const { relay, publish, publisher } = startSensor();
  relay.open(operator.dial);
  await expect.poll(() => operator.calls.length).toBe(1);
  operator.order({ start: { order: 1, request: request({}) } });
  operator.order({
    start: { order: 2, request: request({ allow_list: [{ event_set: ["PROCESS_EXEC"] }] }) },
  });
  await expect
    .poll(() => operator.taken.map(({ watching }) => watching))
    .toEqual([{ nodes: 1 }, { nodes: 1 }]);
  publish("rateLimitInfo", 3);
  publisher.missing(5);
  await expect.poll(() => eventsOf(operator.taken, 1).length).toBe(3);
  expect(eventsOf(operator.taken, 1)[0]?.node_name).toBe("node-a");
  const missing = (order: number) =>
    operator.taken
      .filter((batch) => batch.order === order)
      .reduce((sum, batch) => sum + Number(batch.missing ?? 0), 0);
  await expect.poll(() => [missing(1), missing(2)]).toEqual([5, 5]);
  expect(eventsOf(operator.taken, 2)).toEqual([]);

  operator.order({ stop: { order: 1 } });
  await expect.poll(() => relay.counters.orders).toBe(1);
  expect(publisher.messageConsumers()).toBe(1);
});

it("says what it can't filter by, and goes on", async () => {
  const operator = await startOperator();
  const { relay } = startSensor();
  relay.open(operator.dial);
  await expect.poll(() => operator.calls.length).toBe(1);
  operator.order({
    start: { order: 1, request: request({ allow_list: [{ binary_regex: ["("] }] }) },
  });
  operator.order({ start: { order: 2, request: request({}) } });
  await expect.poll(() => operator.taken.length).toBe(2);
  const [refused, started] = operator.taken;
  expect(refused?.watching?.refused).toBe(1);
  expect(refused?.watching?.problem).toMatch(/allow_list\[0\]\.binary_regex\[0\]/);
  expect(started?.watching).toEqual({ nodes: 1 });
});

it("stops watching when the operator ends the call, and opens another when it is asked to", async () => {
  const operator = await startOperator();
  const { relay, publisher } = startSensor();
  relay.open(operator.dial);
  relay.open(operator.dial);
  await expect.poll(() => operator.calls.length).toBe(1);
  operator.order({ start: { order: 1, request: request({}) } });
  await expect.poll(() => publisher.messageConsumers()).toBe(1);
  operator.calls[0]?.end();
  await expect.poll(() => publisher.messageConsumers()).toBe(0);
  relay.open(operator.dial);
  await expect.poll(() => operator.calls.length).toBe(2);
});

it("counts what an operator that doesn't read is too late for", async () => {
  const operator = await startOperator();
  const { relay, publish } = startSensor();
  relay.open(operator.dial);
  await expect.poll(() => operator.calls.length).toBe(1);
  operator.order({ start: { order: 1, request: request({}) } });
  await expect.poll(() => operator.taken.length).toBe(1);
  operator.calls[0]?.pause();
  for (let i = 0; i < 60; i++) {
    publish("rateLimitInfo", 10_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(relay.counters.dropped).toBeGreaterThan(0);
  operator.calls[0]?.resume();
  const total = () =>
    operator.taken.reduce(
      (sum, batch) => sum + Number(batch.missing ?? 0) + (batch.events?.length ?? 0),
      0,
    );
  await expect.poll(total, { timeout: 15_000 }).toBe(600_000);
});
