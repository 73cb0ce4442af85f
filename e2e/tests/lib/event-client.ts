// SPDX-License-Identifier: Apache-2.0
// A client as third parties build it: from the published message definitions, with the stock libraries.
import { resolve } from "node:path";
import {
  type ChannelCredentials,
  type ClientOptions,
  credentials,
  loadPackageDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { waitUntil } from "./wait-until.ts";

// biome-ignore lint/suspicious/noExplicitAny: messages have the shape of the .proto file, decoded by the library
type Message = any;

interface Stream {
  on(event: "data", listener: (message: Message) => void): void;
  on(event: "error", listener: (error: ServiceError) => void): void;
  on(event: "end", listener: () => void): void;
  cancel(): void;
}

type Call = (
  request: Message,
  metadata: object,
  callback: (error: ServiceError | null, reply: Message) => void,
) => void;

export class EventClient implements Disposable {
  readonly #client: Record<string, Call> & {
    GetEvents(request: Message): Stream;
    close(): void;
  };

  /** The path of a socket, or host:port. */
  constructor(address: string) {
    const definition = loadSync(resolve(import.meta.dirname, "../published/tetragon.proto"), {
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    });
    const { tetragon } = loadPackageDefinition(definition) as unknown as {
      tetragon: {
        FineGuidanceSensors: new (
          address: string,
          credentials: ChannelCredentials,
          options?: Partial<ClientOptions>,
        ) => Record<string, Call> & { GetEvents(request: Message): Stream; close(): void };
      };
    };
    this.#client = new tetragon.FineGuidanceSensors(
      address.startsWith("/") ? `unix://${address}` : address,
      credentials.createInsecure(),
      {
        "grpc.max_receive_message_length": 64 * 1024 * 1024,
      },
    );
  }

  /** One request, one reply; rejects with the gRPC status. */
  call(method: string, request: Message = {}): Promise<Message> {
    return new Promise((done, fail) => {
      this.#client[method]?.(request, { deadline: Date.now() + 60_000 }, (error, reply) =>
        error === null ? done(reply) : fail(error),
      );
    });
  }

  /** Opens a stream of events. */
  events(request: Message = {}): EventStream {
    return new EventStream(this.#client.GetEvents(request));
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

export class EventStream implements Disposable {
  readonly received: Message[] = [];
  error: ServiceError | undefined;
  ended = false;
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
    stream.on("data", (message) => void this.received.push(message));
    stream.on("error", (error) => {
      this.error = error;
    });
    stream.on("end", () => {
      this.ended = true;
    });
  }

  /** Waits for an event; earlier ones count as well. */
  async event(what: string, is: (event: Message) => boolean): Promise<Message> {
    return waitUntil(`the stream brings ${what}`, () => {
      const found = this.received.find(is);
      if (found === undefined && this.error !== undefined) throw this.error;
      return found;
    });
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
  }
}
