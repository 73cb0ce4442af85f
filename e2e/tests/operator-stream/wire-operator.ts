// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { digestBytes, encodePolicy } from "@gander/policy/content";
import {
  type Ack,
  connectPath,
  type FromSensor,
  type PolicyHead,
  streamCodec,
  type ToSensor,
} from "@gander/proto/stream";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";

const toSensor = streamCodec("gander.v1.ToSensor");
const fromSensor = streamCodec("gander.v1.FromSensor");
const asIs = (bytes: Buffer) => bytes;

type Call = ServerDuplexStream<Buffer, Buffer>;

/** An operator as far as the wire is concerned: it says what the test says, right or wrong. */
export class WireOperator implements AsyncDisposable {
  readonly #server = new Server();
  readonly #came: FromSensor[] = [];
  #call: Call | undefined;
  port = 0;
  streams = 0;
  /** Said to each sensor after its Hello. */
  onHello: () => void = () => this.send({ welcome: { protocol: 1 } });

  async start(): Promise<this> {
    const method = {
      path: connectPath,
      ...{ requestStream: true, responseStream: true },
      ...{ requestSerialize: asIs, requestDeserialize: asIs },
      ...{ responseSerialize: asIs, responseDeserialize: asIs },
    };
    this.#server.addService({ Connect: method }, { Connect: (call: Call) => this.#serve(call) });
    this.port = await new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return this;
  }

  #serve(call: Call): void {
    this.#call = call;
    this.streams++;
    call.on("error", () => {});
    call.on("data", (bytes: Buffer) => {
      const message = fromSensor.decode(bytes);
      this.#came.push(message);
      if (message.hello !== undefined) this.onHello();
    });
  }

  send(message: ToSensor): void {
    this.sendBytes(toSensor.encode(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#call?.write(Buffer.from(bytes));
  }

  get acks(): readonly Ack[] {
    return this.#came.flatMap(({ ack }) => ack ?? []);
  }

  get hellos(): readonly NonNullable<FromSensor["hello"]>[] {
    return this.#came.flatMap(({ hello }) => hello ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

/** A policy that does nothing, told apart by `content`. */
export function content(text: string): {
  readonly digest: Uint8Array;
  readonly content: Uint8Array;
} {
  const { bytes, digest } = encodePolicy({
    ...{ name: "", namespace: "", digest: "", mode: "enforce", hooks: [] },
    nodeSelector: {
      matchLabels: {},
      matchExpressions: [{ key: text, operator: "DoesNotExist", values: [] }],
    },
  });
  return { digest: digestBytes(digest), content: bytes };
}

export function head(uid: string, text: string, over: PolicyHead = {}): PolicyHead {
  return { uid, generation: "1", name: uid, digest: content(text).digest, ...over };
}

/** A whole version with these policies. */
export function version(epoch: number, texts: Readonly<Record<string, string>>): ToSensor {
  return {
    offer: {
      epoch: String(epoch),
      put: Object.entries(texts).map(([uid, text]) => head(uid, text)),
    },
    policies: Object.values(texts).map(content),
    commit: commit(epoch),
  };
}

export function commit(epoch: number): NonNullable<ToSensor["commit"]> {
  return {
    epoch: String(epoch),
    nonce: `${epoch}`,
    state_digest: createHash("sha256").update(`state ${epoch}`).digest(),
  };
}
