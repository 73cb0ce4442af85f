// SPDX-License-Identifier: Apache-2.0
// What watching a whole cluster costs the operator: `pnpm --filter @gander/operator measure:relay [EVENTS/S] [SENSORS]`.
// Plain TCP; sensors and the reader are processes of their own, which want the same cores.
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { codec } from "@gander/proto";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { serveMethods } from "../src/fleet/serve-methods.ts";
import { createWatchEvents } from "../src/fleet/watch-events.ts";
import { createSensorServer, PolicyContents, Resolver, SensorHub } from "../src/index.ts";
import { createSensorRelay } from "../src/relay/sensor-relay.ts";
import { SimulatedSensor } from "../test/simulated-sensor.ts";

const [perSecond = 50_000, sensors = 100, role = "operator", port = 0] = process.argv
  .slice(2)
  .map((one) => (/^\d+$/.test(one) ? Number(one) : one)) as [number, number, string, number];
const seconds = 10;
const tickMs = 20;

if (role === "sensors") await publish();
else if (role === "reader") read();
else await measure();

async function measure(): Promise<void> {
  const hub = new SensorHub({ resolver: new Resolver(), contents: new PolicyContents() });
  const relay = createSensorRelay(hub);
  const server = createSensorServer(
    { hub, verify: async ({ token }) => ({ node: token.slice(3) }), events: relay.serve },
    { host: "127.0.0.1" },
  );
  const people = new Server();
  const watch = createWatchEvents({ relay: relay.relay, sensors: () => hub.connected });
  const never = new AbortController().signal;
  serveMethods(people, [watch], {
    serve: (method, call, { signal }) => method.answer(call, { signal }),
    ending: () => never,
  });
  const address = await new Promise<number>((resolve, reject) =>
    people.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, found) =>
      error === null ? resolve(found) : reject(error),
    ),
  );
  const start = (what: string, at: number) =>
    fork(import.meta.filename, [String(perSecond), String(sensors), what, String(at)]);
  const sending = start("sensors", (await server.listen()).port);
  while (hub.connected < sensors) await sleep(20);
  const reading = start("reader", address);
  await once(reading, "message");
  const before = process.cpuUsage();
  const beganMs = performance.now();
  sending.send("go");
  const [sent] = (await once(sending, "message")) as [number];
  const tookMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(before);
  // What is under way comes, then nothing more.
  await sleep(2_000);
  reading.send("tell");
  const [{ events, missing }] = (await once(reading, "message")) as [
    { readonly events: number; readonly missing: number },
  ];
  const share = (user + system) / 10 / tookMs;
  const say = (what: string, figure: string) => console.log(`${what.padEnd(44)} ${figure}`);
  say(`events a second, of ${sensors} sensors`, ((sent / tookMs) * 1000).toFixed(0));
  say("of a core", `${share.toFixed(0)} %`);
  say("an event", `${((user + system) / sent).toFixed(1)} µs of CPU`);
  say("arrived", String(events));
  say("counted as missing", String(missing));
  say("neither", String(sent - events - missing));
  say("resident", `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
  sending.kill();
  reading.kill();
  process.exit(0);
}

async function publish(): Promise<void> {
  const all = Array.from(
    { length: sensors },
    (_, at) => new SimulatedSensor(Number(port), `n${at}`),
  );
  await once(process, "message");
  let sent = 0;
  const beganMs = performance.now();
  for (let tick = 1; tick <= (seconds * 1000) / tickMs; tick++) {
    const due = Math.floor((perSecond * tick * tickMs) / 1000) - sent;
    const each = Math.ceil(due / sensors);
    for (const sensor of all) sensor.publish(each);
    sent += each * sensors;
    await sleep(Math.max(0, beganMs + tick * tickMs - performance.now()));
  }
  process.send?.(sent);
  await new Promise(() => {});
}

function read(): void {
  const events = codec("tetragon.GetEventsResponse");
  const asIs = (bytes: Buffer) => bytes;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const path = "/tetragon.FineGuidanceSensors/GetEvents";
  const call = client.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0));
  const seen = { events: 0, missing: 0 };
  call.once("metadata", () => process.send?.("watching"));
  call.on("data", (bytes: Buffer) => {
    // Marks are short: only they are decoded.
    const mark = bytes.length < 100 ? events.decode(bytes).rate_limit_info : undefined;
    if (mark === undefined) seen.events += 1;
    else seen.missing += Number(mark.number_of_dropped_process_events ?? 0);
  });
  process.on("message", () => process.send?.(seen));
}
