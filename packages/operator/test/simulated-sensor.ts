// SPDX-License-Identifier: Apache-2.0
import { codec, type GetEventsResponse } from "@gander/proto";
import type { EventBatch, FromSensor, PolicyCounts, PolicyException } from "@gander/proto/stream";
import { connectPath, eventsPath, streamCodec } from "@gander/proto/stream";
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";

const fromSensor = streamCodec("gander.v1.FromSensor");
const toSensor = streamCodec("gander.v1.ToSensor");
const orders = streamCodec("gander.v1.EventOrder");
const batches = streamCodec("gander.v1.EventBatch");
const events = codec("tetragon.GetEventsResponse");
const asIs = (bytes: Buffer) => bytes;
const toBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type Call = ClientDuplexStream<Buffer, Buffer>;

type Published = { readonly nodeName?: string; readonly body?: GetEventsResponse };

const exit: GetEventsResponse = {
  process_exit: { process: { binary: "/usr/bin/true", arguments: "x".repeat(1500) }, status: 1 },
};

/** A sensor as it should be, without a kernel: it answers versions and brings the events it is given. */
export class SimulatedSensor implements Disposable {
  readonly node: string;
  /** Exceptions in its next answers. */
  exceptions: readonly PolicyException[] = [];
  /** What an order asked for, as it came. */
  readonly orders = new Map<number, Buffer>();
  /** Says this of orders, instead of carrying them out. */
  refusal = "";
  answersVersions = true;
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #call: Call;
  #events: Call | undefined;

  /** `ca`: the authorities (PEM) that it trusts; absent: it speaks without TLS. */
  constructor(
    port: number,
    node: string,
    { token = `of-${node}`, ca }: { readonly token?: string; readonly ca?: string } = {},
  ) {
    this.node = node;
    const channel =
      ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    this.#client = new Client(`127.0.0.1:${port}`, channel, {
      "grpc.use_local_subchannel_pool": 1,
    });
    this.#metadata.set("authorization", `Bearer ${token}`);
    this.#call = this.#open(connectPath);
    this.#call.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#send({ hello: { node, protocol: 1 } });
  }

  get isWatched(): boolean {
    return this.#events !== undefined;
  }

  counted(counts: PolicyCounts): void {
    this.#send({ summary: { counting_since: "1", policies: [counts] } });
  }

  /** One batch for each order; gives false when the way is blocked. `body`: of the event, if it matters. */
  publish(count: number, more: EventBatch & Published = {}): boolean {
    const { nodeName = this.node, body = exit, ...batch } = more;
    const event = toBuffer(events.encode({ ...body, node_name: nodeName }));
    let hasRoom = true;
    for (const order of this.orders.keys())
      hasRoom =
        this.#events?.write(
          toBuffer(batches.encode({ order, events: new Array(count).fill(event), ...batch })),
        ) ?? true;
    return hasRoom;
  }

  /** Resolves when there is room again. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.#events?.once("drain", resolve));
  }

  /** As a node that fell off the network: the operator hears nothing. */
  [Symbol.dispose](): void {
    this.#events?.cancel();
    this.#call.cancel();
    this.#client.close();
  }

  #open(path: string): Call {
    const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, this.#metadata);
    call.on("error", () => {});
    return call as unknown as Call;
  }

  #send(message: FromSensor): void {
    this.#call.write(toBuffer(fromSensor.encode(message)));
  }

  #receive(bytes: Buffer): void {
    const { commit, open_events: openEvents } = toSensor.decode(bytes);
    if (commit !== undefined && this.answersVersions) {
      const { epoch, nonce, state_digest } = commit;
      this.#send({ ack: { epoch, nonce, state_digest, exceptions: this.exceptions } });
    }
    if (openEvents !== undefined) this.#openEvents();
  }

  #openEvents(): void {
    if (this.#events !== undefined) return;
    const call = this.#open(eventsPath);
    this.#events = call;
    call.on("data", (bytes: Buffer) => {
      const { start, stop } = orders.decode(bytes);
      if (stop !== undefined) this.orders.delete(stop.order ?? 0);
      if (start === undefined) return;
      const order = start.order ?? 0;
      const watching = this.refusal === "" ? { nodes: 1 } : { refused: 1, problem: this.refusal };
      call.write(toBuffer(batches.encode({ order, watching })));
      if (this.refusal === "") this.orders.set(order, toBuffer(start.request ?? new Uint8Array()));
    });
    call.once("end", () => call.end());
    call.once("status", () => {
      this.#events = undefined;
      this.orders.clear();
    });
  }
}
