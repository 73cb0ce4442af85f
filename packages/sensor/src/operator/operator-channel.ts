// SPDX-License-Identifier: Apache-2.0
import { streamLimits } from "@gander/proto/stream";
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
} from "@grpc/grpc-js";
import type { OperatorAccess, OperatorCredentials } from "./operator-access.ts";

/** How a stream ended: a gRPC status. */
export type StreamEnd = { readonly code: number; readonly details: string };

type OperatorStream = {
  /** Resolves when there is room for more, or the stream has ended. */
  send(message: Uint8Array): Promise<void>;
  /** Ends it from this side. */
  cancel(): void;
  /** `host:port` or a path, of the connected replica; `unknown` before. */
  peer(): string;
  readonly ended: Promise<StreamEnd>;
};

/** A call that sends and receives messages as bytes. */
type OperatorCall = ClientDuplexStream<Buffer, Buffer>;

/** Disposing it ends all its calls. */
export type OperatorChannel = Disposable & {
  /** Starts a call of the method at `path`. */
  call(path: string): OperatorCall;
};

const options: ChannelOptions = {
  "grpc.max_receive_message_length": streamLimits.toSensorBytes,
  "grpc.max_send_message_length": streamLimits.fromSensorBytes,
  // These detect a silent operator, and a network that drops everything.
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 20_000,
  // One stream, which we end and reopen: the library must neither wait nor retry.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.enable_http_proxy": 0,
  // One name may have several replicas: sensors spread over them.
  "grpc.service_config": JSON.stringify({
    loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }],
  }),
  "grpc.service_config_disable_resolution": 1,
};

/**
 * A connection to one replica of the operator; each looks up the name again. Every stream carries the token.
 */
export function openChannel(
  { address, serverName }: OperatorAccess,
  { ca, token }: OperatorCredentials,
): OperatorChannel {
  const client = new Client(
    address.target,
    ca === undefined ? credentials.createInsecure() : credentials.createSsl(ca),
    {
      ...options,
      ...(serverName !== undefined && {
        "grpc.ssl_target_name_override": serverName,
        "grpc.default_authority": serverName,
      }),
    },
  );
  const open = new Set<OperatorCall>();
  return {
    call(path) {
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${token}`);
      const call = client.makeBidiStreamRequest(path, asIs, asIs, metadata);
      // The status reports it as well.
      call.on("error", () => {});
      call.once("status", () => open.delete(call));
      open.add(call);
      return call;
    },
    [Symbol.dispose]() {
      // Closing alone would let open calls continue.
      for (const call of open) call.cancel();
      client.close();
    },
  };
}

const asIs = (bytes: Buffer) => bytes;

/** The call, reduced to the needs of the policy stream. */
export function operatorStream(
  call: OperatorCall,
  onMessage: (message: Buffer) => void,
): OperatorStream {
  let isEnded = false;
  const ended = new Promise<StreamEnd>((resolve) => {
    call.once("status", ({ code, details }) => {
      isEnded = true;
      resolve({ code, details });
    });
  });
  call.on("data", (message: Buffer) => {
    if (!isEnded) onMessage(message);
  });
  return {
    async send(message) {
      if (isEnded) return;
      const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
      if (call.write(bytes)) return;
      const drained = Promise.withResolvers<void>();
      call.once("drain", drained.resolve);
      // After a cancel, `drain` is never emitted.
      await Promise.race([drained.promise, ended]);
      call.off("drain", drained.resolve);
    },
    cancel: () => call.cancel(),
    peer: () => call.getPeer(),
    ended,
  };
}
