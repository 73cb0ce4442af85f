// SPDX-License-Identifier: Apache-2.0
// What serving many sensors costs: `pnpm --filter @gander/operator measure:stream [SENSORS] [PODS]`. Plain TCP; the
// sensors are real clients in a process of their own, so that neither their memory nor their CPU is counted,
// though they want the same cores.
import { fork } from "node:child_process";
import { digestOf } from "@gander/policy/content";
import { connectPath, streamCodec } from "@gander/proto/stream";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import {
  coalesce,
  createSensorServer,
  noDetails,
  PolicyContents,
  type PolicyRevision,
  Resolver,
  SensorHub,
} from "../src/index.ts";

const [sensors = 1000, pods = 30 * sensors] = process.argv.slice(2).map(Number);
if (process.send === undefined) await measure();
else process.once("message", (port) => connectAll(Number(port)));

async function measure(): Promise<void> {
  const resolver = new Resolver();
  const contents = new PolicyContents();
  const hub = new SensorHub({ resolver, contents });
  const server = createSensorServer(
    {
      hub,
      verify: async ({ token }) => ({ node: token }),
    },
    { host: "127.0.0.1" },
  );
  const policy = (name: string, generation: number): PolicyRevision => {
    const bytes = Buffer.from(`${name} ${generation} `.padEnd(2048, "x"));
    const digest = contents.add({ bytes, digest: digestOf(bytes) }) ?? "";
    const workloads = {
      podSelector: { matchLabels: { app: name }, matchExpressions: [] },
      host: false,
    };
    const head = { uid: name, generation, name, namespace: "", mode: "" as const, digest };
    return name === "p-0" ? head : { ...head, workloads };
  };
  for (let i = 0; i < sensors; i++) resolver.putNode(`node-${i}`, {});
  for (let i = 0; i < pods; i++)
    resolver.putPod({
      uid: `pod-${i}`.padEnd(36, "0"),
      namespace: "default",
      name: `pod-${i}`,
      node: `node-${i % sensors}`,
      labels: { app: `p-${i % 1500}`, "pod-template-hash": `${i % 1500}` },
      containers: ["main"],
      details: noDetails,
    });
  for (let i = 0; i < 200; i++) resolver.putPolicy(policy(`p-${i}`, 1));
  const say = (what: string, figure: string) => console.log(`${what.padEnd(58)} ${figure}`);
  const memoryMiB = () => (process.memoryUsage().rss / 2 ** 20).toFixed(0);
  say("resident before the first sensor", `${memoryMiB()} MiB`);

  const { port } = await server.listen();
  const child = fork(import.meta.filename, [String(sensors)]);
  let revision = policy("p-0", 1);
  const allAnswered = async (of: typeof revision) => {
    while (hub.rollout.of(of).answered < sensors)
      await new Promise((resolve) => setTimeout(resolve, 1));
  };
  const figure = (startMs: number, before: NodeJS.CpuUsage) => {
    const { user, system } = process.cpuUsage(before);
    const cpu = `${((user + system) / 1000).toFixed(0)} ms of CPU here`;
    return `${(performance.now() - startMs).toFixed(0)} ms, ${cpu}`;
  };
  let start = performance.now();
  let cpu = process.cpuUsage();
  child.send(port);
  revision = resolver.revision("p-0") ?? revision;
  await allAnswered(revision);
  say(`${sensors} sensors connect at once and have everything`, figure(start, cpu));
  say("resident", `${memoryMiB()} MiB`);

  for (let generation = 2; generation < 7; generation++) {
    revision = policy("p-0", generation);
    start = performance.now();
    cpu = process.cpuUsage();
    const pushed = hub.push(resolver.putPolicy(revision));
    await pushed;
    const offered = performance.now() - start;
    await allAnswered(revision);
    say(
      `a policy of 2 KB, from the change to the last answer`,
      `${figure(start, cpu)}; offered to all after ${offered.toFixed(0)} ms`,
    );
  }
  start = performance.now();
  const coalescer = coalesce<string>((nodes) => void hub.push(nodes));
  for (let generation = 10; generation < 30; generation++) {
    revision = policy("p-0", generation);
    coalescer.add(resolver.putPolicy(revision));
  }
  await allAnswered(revision);
  say("20 changes in a row, with coalescing", `${(performance.now() - start).toFixed(0)} ms`);
  say("resident", `${memoryMiB()} MiB`);
  child.disconnect();
  await server[Symbol.asyncDispose]();
}

/** Sensors that answer each Commit. */
function connectAll(port: number): void {
  process.once("disconnect", () => process.exit());
  const fromSensor = streamCodec("gander.v1.FromSensor");
  const toSensor = streamCodec("gander.v1.ToSensor");
  const asIs = (bytes: Buffer) => bytes;
  for (let i = 0; i < sensors; i++) {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer node-${i}`);
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(connectPath, asIs, asIs, metadata);
    const send = (message: Parameters<typeof fromSensor.encode>[0]) =>
      call.write(Buffer.from(fromSensor.encode(message)));
    call.on("error", () => {});
    call.on("data", (bytes: Buffer) => {
      const { commit } = toSensor.decode(bytes);
      if (commit === undefined) return;
      const { epoch, nonce, state_digest } = commit;
      send({ ack: { epoch, nonce, state_digest } });
    });
    send({ hello: { node: `node-${i}`, protocol: 1 } });
  }
}
