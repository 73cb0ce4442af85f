// SPDX-License-Identifier: Apache-2.0
import { createServer, type Socket, type Server as SocketServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { connectPath, eventsPath, streamLimits } from "@gander/proto/stream";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
} from "@grpc/grpc-js";
import { type ServingCertificate, showCertificate } from "../identity/serving-certificate.ts";
import type { ListenAddress } from "../listen-address.ts";
import { listenAt } from "../listen-at.ts";
import { trackConnections } from "../track-connections.ts";
import { rawMethod } from "../wire/raw-method.ts";
import type { SensorHub } from "./sensor-hub.ts";
import type { SensorLink } from "./session.ts";

/** A sensor's proof of the node that it speaks for. */
type SensorCredentials = {
  /** Of the header `authorization: Bearer …`. */
  readonly token: string;
  /** The caller's address, for the log. */
  readonly peer: string;
};

export type VerifySensor = (
  credentials: SensorCredentials,
  options: { readonly signal: AbortSignal },
) => Promise<{ readonly node: string; readonly problem?: never } | { readonly problem: string }>;

/** Encoded messages both ways. */
type SensorCall = ServerDuplexStream<Buffer, Buffer>;

type SensorServerDeps = {
  readonly hub: Pick<SensorHub, "open" | "close" | "streams" | "session">;
  /** May throw if it can't decide: the sensor is told to retry. */
  readonly verify: VerifySensor;
  /** If absent, no TLS: for tests and measurements on one machine. */
  readonly certificate?: ServingCertificate;
  /** Accepts calls of Events; if absent, they are not served. */
  readonly events?: (call: SensorCall, node: string) => void;
};

type SensorServerOptions = {
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  /** Concurrent streams, including those whose credentials are being verified. */
  readonly streams?: number;
};

export type SensorServer = AsyncDisposable & {
  /** Returns the address. Rejects with `operator-address`. */
  listen(): Promise<ListenAddress>;
};

/** Fleets reconnect all at once after an outage; Node's default of 511 keeps some of them out for 90 s. */
const backlog = 4096;
/** A projected service account token has about 1 KB. */
const tokenBytes = 16 * 1024;

/** gander.v1.SensorStream on a socket of its own. Messages to sensors are sent as raw bytes. */
export function createSensorServer(
  { hub, verify, certificate, events }: SensorServerDeps,
  { host = "::", port = 0, streams = 20_000 }: SensorServerOptions = {},
): SensorServer {
  const server = new Server({
    "grpc.max_receive_message_length": streamLimits.fromSensorBytes,
    "grpc.max_send_message_length": streamLimits.toSensorBytes,
    // Connect and Events, and both again while broken ones are replaced.
    "grpc.max_concurrent_streams": 4,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  let verifying = 0;
  /** Verifies, then serves a call. Nothing is read before: input stays within the window of the stream. */
  const verified = async (call: SensorCall, serve: (node: string) => void) => {
    if (hub.streams + verifying >= streams)
      return endWith(call, status.RESOURCE_EXHAUSTED, "This replica serves as many as it can");
    const gone = new AbortController();
    call.once("cancelled", () => gone.abort());
    verifying += 1;
    const node = await verifiedNode(call, verify, gone.signal).finally(() => {
      verifying -= 1;
    });
    if (node !== undefined && !gone.signal.aborted) serve(node);
  };
  server.addService(
    { Connect: rawMethod(connectPath, "stream"), Events: rawMethod(eventsPath, "stream") },
    {
      Connect: (call: SensorCall) => void verified(call, (node) => serveStream(call, hub, node)),
      Events: (call: SensorCall) =>
        void verified(call, (node) =>
          // Only a live stream makes a node's events credible.
          events === undefined || hub.session(node) === undefined
            ? endWith(call, status.FAILED_PRECONDITION, "Nobody asked this node for events")
            : events(call, node),
        ),
    },
  );
  // TLS ends in a server of our own: grpc-js would keep its first certificate forever.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createListener(certificate, (socket) => injector.injectConnection(socket));
  // Streams are counted when they begin; this bounds sockets without one. Some more than `streams`, so
  // that excess callers get an answer.
  listener.maxConnections = streams + 256;
  const connections = trackConnections(listener);
  return {
    listen: () => listenAt(listener, { host, port }, "sensor-address", { backlog }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      hub.close();
      injector.destroy();
      // Connections end after their streams; grpc-js waits for neither.
      const goodbye = setTimeout(() => connections.destroyAll(), goodbyeMs);
      await closed;
      clearTimeout(goodbye);
      server.forceShutdown();
    },
  };
}

/** A client that opens a connection and then stays silent is disconnected after this time. */
const handshakeTimeoutMs = 30_000;

function createListener(
  certificate: ServingCertificate | undefined,
  onConnection: (socket: Socket) => void,
): SocketServer {
  if (certificate === undefined) return createServer(onConnection);
  const options = {
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.3" as const,
    handshakeTimeout: handshakeTimeoutMs,
  };
  const listener = createTlsServer(options, onConnection);
  // A failed handshake identifies no client: it is not worth a log line.
  listener.on("tlsClientError", () => {});
  const showing = showCertificate(listener, certificate);
  listener.once("close", () => showing[Symbol.dispose]());
  return listener;
}

/** How long sensors have to receive the reason why their stream ends. */
const goodbyeMs = 3_000;

async function verifiedNode(
  call: SensorCall,
  verify: VerifySensor,
  signal: AbortSignal,
): Promise<string | undefined> {
  const token = bearerToken(call.metadata);
  if (token === undefined) {
    endWith(call, status.UNAUTHENTICATED, "The stream needs one `authorization: Bearer …`");
    return undefined;
  }
  try {
    const result = await verify({ token, peer: call.getPeer() }, { signal });
    if (result.problem === undefined) return result.node;
    endWith(call, status.UNAUTHENTICATED, result.problem);
  } catch {
    // The reason is for the operator's own log, not for the caller.
    endWith(call, status.UNAVAILABLE, "The credentials could not be verified now; try again");
  }
  return undefined;
}

/** The token of the header `authorization: Bearer …`, if there is exactly one. */
export function bearerToken(metadata: Metadata): string | undefined {
  const values = metadata.get("authorization");
  const [value] = values;
  if (values.length !== 1 || typeof value !== "string" || value.length > tokenBytes)
    return undefined;
  return /^Bearer ([^ ]+)$/.exec(value)?.[1];
}

function serveStream(call: SensorCall, hub: SensorServerDeps["hub"], node: string): void {
  const link: SensorLink = {
    send: (message) => void call.write(message),
    end: (code, reason) => endWith(call, code, reason),
  };
  const session = hub.open(node, link);
  call.on("data", (bytes: Buffer) => session.receive(bytes));
  call.once("end", () => session.end(status.OK, ""));
  call.once("cancelled", () => session.end(status.CANCELLED, "The sensor went away"));
  call.on("error", () => session.end(status.CANCELLED, "The stream broke"));
}

function endWith(call: SensorCall, code: status, details: string): void {
  if (code === status.OK) call.end();
  else call.emit("error", { code, details });
}
