// SPDX-License-Identifier: Apache-2.0
import { digestText } from "@gander/policy/content";
import type {
  Ack,
  Commit,
  FromSensor,
  Hello,
  Offer,
  PodDetails,
  ToSensor,
} from "@gander/proto/stream";
import { connectPath, streamCodec } from "@gander/proto/stream";
import { Client, credentials, Metadata } from "@grpc/grpc-js";

/** All of one version, from its Offer to its Commit. */
export type SeenVersion = {
  readonly offers: readonly Offer[];
  /** Digests in hex. */
  readonly contents: readonly string[];
  readonly pods: Readonly<Record<string, readonly string[]>>;
  readonly removedPods: readonly string[];
  /** By UID of the pod. */
  readonly details: Readonly<Record<string, PodDetails>>;
  /** Undefined: not sent. */
  readonly nodeLabels: Readonly<Record<string, string>> | undefined;
  readonly commit: Commit;
};

const fromSensor = streamCodec("gander.v1.FromSensor");
const toSensor = streamCodec("gander.v1.ToSensor");
const asIs = (bytes: Buffer) => bytes;

/** A sensor as far as the wire is concerned: it does what the test says, right or wrong. */
export class TestSensor implements Disposable {
  readonly ended: Promise<{ readonly code: number; readonly details: string }>;
  readonly #client: Client;
  readonly #call: ReturnType<Client["makeBidiStreamRequest"]>;
  readonly #came: ToSensor[] = [];
  #awaiting: ((message: ToSensor) => void) | undefined;

  /** `ca`: the authorities (PEM) that it trusts; absent: it speaks without TLS. */
  constructor(port: number, token: string | undefined, ca?: string) {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    const channel =
      ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    this.#client = new Client(`127.0.0.1:${port}`, channel, {
      // Else all sensors of a test would share one connection.
      "grpc.use_local_subchannel_pool": 1,
    });
    const call = this.#client.makeBidiStreamRequest<Buffer, Buffer>(
      connectPath,
      asIs,
      asIs,
      metadata,
    );
    this.#call = call as ReturnType<Client["makeBidiStreamRequest"]>;
    call.on("data", (bytes: Buffer) => this.#receive(toSensor.decode(bytes)));
    call.on("error", () => {});
    this.ended = new Promise((resolve) => {
      call.once("status", ({ code, details }) => resolve({ code, details }));
    });
  }

  send(message: FromSensor): void {
    this.sendBytes(fromSensor.encode(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#call.write(Buffer.from(bytes));
  }

  hello(hello: Hello): void {
    this.send({ hello: { protocol: 1, ...hello } });
  }

  async next(): Promise<ToSensor> {
    const came = this.#came.shift();
    if (came !== undefined) return came;
    const message = new Promise<ToSensor>((resolve) => {
      this.#awaiting = resolve;
    });
    const ended = this.ended.then(({ code, details }) => {
      throw new Error(`the stream ended: ${code} ${details}`);
    });
    return Promise.race([message, ended]);
  }

  /** Skips a Welcome. */
  async version(): Promise<SeenVersion> {
    const offers: Offer[] = [];
    const contents: string[] = [];
    const pods: Record<string, readonly string[]> = {};
    const removedPods: string[] = [];
    const details: Record<string, PodDetails> = {};
    let nodeLabels: Record<string, string> | undefined;
    for (;;) {
      const { offer, policies = [], assignment, commit } = await this.next();
      if (offer !== undefined) offers.push(offer);
      for (const { digest = new Uint8Array() } of policies) contents.push(digestText(digest));
      for (const { uid = "", set = 0, details: at = 0 } of assignment?.put ?? []) {
        pods[uid] = assignment?.sets?.[set]?.policies ?? [];
        details[uid] = assignment?.details?.[at - 1] ?? {};
      }
      if (assignment?.node_labels !== undefined)
        nodeLabels = Object.fromEntries(
          (assignment.node_labels.labels ?? []).map(({ key = "", value = "" }) => [key, value]),
        );
      removedPods.push(...(assignment?.remove ?? []));
      if (commit !== undefined)
        return { offers, contents, pods, removedPods, details, nodeLabels, commit };
    }
  }

  ack({ epoch, nonce, state_digest }: Commit, more: Ack = {}): void {
    this.send({ ack: { epoch, nonce, state_digest, ...more } });
  }

  [Symbol.dispose](): void {
    this.#call.cancel();
    this.#client.close();
  }

  #receive(message: ToSensor): void {
    const awaiting = this.#awaiting;
    this.#awaiting = undefined;
    if (awaiting === undefined) this.#came.push(message);
    else awaiting(message);
  }
}
