// SPDX-License-Identifier: Apache-2.0
import { createServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import type { ServingCertificate } from "../identity/serving-certificate.ts";
import type { ListenAddress } from "../listen-address.ts";
import { listenAt } from "../listen-at.ts";
import { trackConnections } from "../track-connections.ts";
import { rawMethod } from "../wire/raw-method.ts";
import type { FleetMethod } from "./fleet-method.ts";
import { type Serve, serveMethods } from "./serve-methods.ts";

type FleetServerDeps = {
  readonly certificate: ServingCertificate;
  readonly methods: readonly FleetMethod[];
  /** For people: verifies them, and forwards to the holder if that is another replica. */
  readonly servePeople: Serve;
  /** For replicas, which have presented the operator's own certificate. */
  readonly serveReplicas: Serve;
  /** Methods of gander.v1.Peers by path; messages are encoded both ways. */
  readonly peers: Readonly<Record<string, UntypedHandleCall>>;
  /** Aborts all calls in progress, including endless ones. */
  readonly ending: () => AbortSignal;
};

type FleetServerOptions = {
  readonly address: ListenAddress;
  /** The name that a replica's certificate must have. */
  readonly serverName: string;
};

type FleetServer = AsyncDisposable & { readonly address: ListenAddress };

/**
 * The address for people and replicas: one socket, two servers. A caller that presents a certificate of
 * the operator's own authority for the operator's own name is a replica; all others need a token.
 */
export async function startFleetServer(
  deps: FleetServerDeps,
  { address, serverName }: FleetServerOptions,
): Promise<FleetServer> {
  const { certificate, methods, ending } = deps;
  const forPeople = newServer();
  serveMethods(forPeople, methods, { serve: deps.servePeople, ending });
  forPeople.addService(peerMethods(Object.keys(deps.peers)), notReplicas(deps.peers, serverName));
  // A replica that loses the network takes its nodes along: detect that soon.
  const forReplicas = newServer(10_000);
  serveMethods(forReplicas, methods, { serve: deps.serveReplicas, ending });
  forReplicas.addService(peerMethods(Object.keys(deps.peers)), deps.peers);
  const [people, replicas] = [forPeople, forReplicas].map((server) =>
    server.createConnectionInjector(ServerCredentials.createInsecure()),
  );
  const listener = createServer(
    {
      ALPNProtocols: ["h2"],
      minVersion: "TLSv1.3",
      handshakeTimeout: 30_000,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => (isReplica(socket, serverName) ? replicas : people)?.injectConnection(socket),
  );
  // A failed handshake identifies no client: it is not worth a log line.
  listener.on("tlsClientError", () => {});
  listener.maxConnections = 1_000;
  const showing = show(listener, certificate);
  const connections = trackConnections(listener);
  const found = await listenAt(listener, address, "api-address");
  return {
    address: found,
    async [Symbol.asyncDispose]() {
      showing[Symbol.dispose]();
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      forPeople.forceShutdown();
      forReplicas.forceShutdown();
      people?.destroy();
      replicas?.destroy();
      connections.destroyAll();
      await closed;
    },
  };
}

function newServer(keepaliveMs = 30_000): Server {
  return new Server({
    "grpc.max_receive_message_length": 4 * 1024 * 1024,
    "grpc.max_concurrent_streams": 64,
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveMs / 2,
  });
}

function peerMethods(paths: readonly string[]): ServiceDefinition {
  return Object.fromEntries(paths.map((path) => [path, rawMethod(path, "stream")]));
}

/** The refusal for a caller that is not a replica. */
function notReplicas(peers: FleetServerDeps["peers"], serverName: string) {
  const details = `This is for replicas, and the caller showed no certificate of the operator's authority that is for ${serverName} and for clients (extended key usage)`;
  const refuse = (call: ServerDuplexStream<Buffer, Buffer>) =>
    void call.emit("error", { code: status.PERMISSION_DENIED, details });
  return Object.fromEntries(Object.keys(peers).map((path) => [path, refuse]));
}

/** Presents the newest certificate from the next handshake on, and verifies replicas against it. */
function show(server: TlsServer, certificate: ServingCertificate): Disposable {
  const set = () => {
    const material = certificate.current();
    if (material !== undefined) server.setSecureContext({ ...material, minVersion: "TLSv1.3" });
  };
  set();
  return certificate.onChange(set);
}

/** An authority such as cert-manager's may have signed others' certificates too: the name decides. */
function isReplica(socket: TLSSocket, serverName: string): boolean {
  if (!socket.authorized) return false;
  const certificate = socket.getPeerX509Certificate();
  return certificate?.checkHost(serverName) !== undefined;
}
