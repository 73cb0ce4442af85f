// SPDX-License-Identifier: Apache-2.0
// All sensors of a measured fleet, in one separate process: they speak the real protocol over TLS, with
// one token each, and load nothing.
import { readFileSync } from "node:fs";
import { connectPath, streamCodec } from "@gander/proto/stream";
import { Client, credentials, Metadata } from "@grpc/grpc-js";

export type FleetSensors = {
  readonly port: number;
  /** PEM of the operator's authorities. */
  readonly ca: string;
  /** File with the tokens, node name → token, as JSON. */
  readonly tokens: string;
};

/** Asks when each sensor has sent its answer to this generation of the policy. */
export type Question = { readonly name: string; readonly generation: number };

/** Milliseconds since 1970, ascending; bytes of all messages since the last report. */
export type Told = {
  readonly answeredAt: readonly number[];
  readonly received: number;
  readonly sent: number;
};

const fromSensor = streamCodec("gander.v1.FromSensor");
const toSensor = streamCodec("gander.v1.ToSensor");
const asIs = (bytes: Buffer) => bytes;
const now = () => performance.timeOrigin + performance.now();

const bytes = { received: 0, sent: 0 };
/** `name generation` → the times at which sensors answered a version with it. */
const answers = new Map<string, number[]>();
let count = 0;
let asked: Question | undefined;

process.once("disconnect", () => process.exit());
process.on("message", (message: { connect: FleetSensors } | { question: Question }) => {
  if ("connect" in message) connectAll(message.connect);
  else {
    asked = message.question;
    tell();
  }
});

function connectAll({ port, ca, tokens }: FleetSensors): void {
  const all = Object.entries(JSON.parse(readFileSync(tokens, "utf8")) as Record<string, string>);
  count = all.length;
  answers.clear();
  for (const [node, token] of all) connect(node, token, port, Buffer.from(ca));
}

/** Reconnects when the stream ends, spread over some seconds as sensors do. */
function connect(node: string, token: string, port: number, ca: Buffer): void {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const channel = credentials.createSsl(ca);
  const client = new Client(`127.0.0.1:${port}`, channel, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": 4 << 20,
  });
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(connectPath, asIs, asIs, metadata);
  const send = (message: Parameters<typeof fromSensor.encode>[0]) => {
    const encoded = Buffer.from(fromSensor.encode(message));
    bytes.sent += encoded.length;
    call.write(encoded);
  };
  let offered: string[] = [];
  call.on("error", () => {
    client.close();
    setTimeout(() => connect(node, token, port, ca), 500 + Math.random() * 5_000);
  });
  call.on("data", (message: Buffer) => {
    bytes.received += message.length;
    const { offer, commit } = toSensor.decode(message);
    for (const { name, generation } of offer?.put ?? []) offered.push(`${name} ${generation}`);
    if (commit === undefined) return;
    const { epoch, nonce, state_digest } = commit;
    send({ ack: { epoch, nonce, state_digest } });
    for (const one of offered) {
      const times = answers.get(one) ?? [];
      answers.set(one, times);
      times.push(now());
    }
    offered = [];
    tell();
  });
  send({ hello: { node, protocol: 1 } });
}

function tell(): void {
  if (asked === undefined) return;
  const answeredAt = answers.get(`${asked.name} ${asked.generation}`) ?? [];
  if (answeredAt.length < count) return;
  asked = undefined;
  answers.clear();
  const told: Told = { answeredAt, ...bytes };
  bytes.received = 0;
  bytes.sent = 0;
  process.send?.(told);
}
