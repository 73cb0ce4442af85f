// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@gander/base";
import type { FromReplica, NodeSession, NodesQuestion, ToReplica } from "@gander/proto/stream";
import { streamCodec, streamLimits } from "@gander/proto/stream";
import { Client, type ClientDuplexStream, credentials, status } from "@grpc/grpc-js";
import type { CheckFleet } from "../admission/fleet-report.ts";
import { CallProblem } from "../fleet/call-problem.ts";
import type { FleetCall } from "../fleet/fleet-method.ts";
import { policyNodesHere } from "../fleet/policy-nodes.ts";
import type { ServingCertificate } from "../identity/serving-certificate.ts";
import type { EventRelay } from "../relay/event-relay.ts";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import type { AnnounceSession } from "../sessions/session-announcer.ts";
import type { FleetView } from "../status/fleet-view.ts";
import { asBuffer } from "../wire/as-buffer.ts";
import { asIs } from "../wire/raw-method.ts";
import type { Resolver } from "../workloads/resolver.ts";
import { type EventOrdersOptions, serveEventOrders } from "./event-orders.ts";
import { answerCheck, askHolder } from "./fleet-checks.ts";
import { parts } from "./report-messages.ts";
import { startReporter } from "./reporter.ts";

type HolderLinkDeps = {
  readonly hub: SensorHub;
  readonly resolver: Pick<Resolver, "policyUids" | "sharesOf">;
  readonly relay: Pick<EventRelay, "watch">;
  readonly view: Pick<FleetView, "onChange">;
  readonly certificate: ServingCertificate;
  readonly logger: Logger;
  /** Checks the kernels of this replica's sensors. */
  readonly checkFleet: CheckFleet;
  /** A session on a node whose sensor is connected here. */
  readonly onSession: (session: NodeSession) => void;
};

type HolderLinkOptions = {
  /** HOST:PORT of the holder. */
  readonly address: string;
  /** The name in its certificate. */
  readonly serverName: string;
  /** Of this replica. */
  readonly identity: string;
  readonly version: string;
  readonly retryMs?: number;
  readonly orders?: EventOrdersOptions;
};

export type HolderLink = Disposable & {
  /** Forwards a call and returns its answer; rejects with CallProblem or the holder's error. */
  forward(path: string, call: FleetCall, signal: AbortSignal): Promise<void>;
  /** Checks the kernels of all replicas' sensors; rejects if the holder can't be reached. */
  readonly checkFleet: CheckFleet;
  /** Sends it to the holder, which knows the replica of the node's sensor. */
  readonly announce: AnnounceSession;
};

const fromReplica = streamCodec("gander.v1.FromReplica");
const toReplica = streamCodec("gander.v1.ToReplica");
const nodesInAMessage = 500;
const defaultRetryMs = 500;

/** Link to the replica that holds the Lease: reports, answers, events. Reconnects until disposed. */
export function createHolderLink(deps: HolderLinkDeps, options: HolderLinkOptions): HolderLink {
  const { certificate, logger } = deps;
  const { address, retryMs = defaultRetryMs } = options;
  const stop = new AbortController();
  let client: Client | undefined;
  let reporting: ((message: FromReplica) => void) | undefined;

  const run = async () => {
    let told = "";
    while (!stop.signal.aborted) {
      client = clientOf(certificate, options);
      const why =
        client === undefined
          ? "there is no certificate yet"
          : await report(client, deps, options, {
              signal: stop.signal,
              onSend: (send) => {
                reporting = send;
              },
            });
      reporting = undefined;
      client?.close();
      if (stop.signal.aborted) return;
      if (why !== told)
        logger.warn("The replica that holds the Lease cannot be reached", { address, why });
      told = why;
      // Jitter: the others reconnect at the same time.
      await sleep(retryMs * (1 + Math.random()), undefined, { signal: stop.signal }).catch(
        () => {},
      );
    }
  };
  void run();
  const reached = (): Client => {
    if (client !== undefined) return client;
    const text = "The replica that holds the Lease cannot be reached; try again";
    throw new CallProblem(status.UNAVAILABLE, text);
  };

  return {
    forward: (path, call, signal) => forward(reached(), path, call, signal),
    announce(node, session) {
      if (reporting === undefined) return "no-sensor";
      reporting({ session: { node, session } });
      return "passed-on";
    },
    checkFleet: async (policy, checkOptions) => askHolder(reached(), policy, checkOptions),
    [Symbol.dispose]() {
      stop.abort();
      client?.close();
    },
  };
}

/** Undefined while there is no certificate. */
function clientOf(
  certificate: ServingCertificate,
  { address, serverName, retryMs = defaultRetryMs }: HolderLinkOptions,
): Client | undefined {
  const material = certificate.current();
  if (material === undefined) return undefined;
  const [ca, key, cert] = [material.ca, material.key, material.cert].map((one) => Buffer.from(one));
  return new Client(
    `dns:${address}`,
    credentials.createSsl(ca ?? null, key ?? null, cert ?? null),
    {
      "grpc.ssl_target_name_override": serverName,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": streamLimits.toSensorBytes,
      "grpc.keepalive_time_ms": 10_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.initial_reconnect_backoff_ms": retryMs,
      "grpc.max_reconnect_backoff_ms": 5_000,
    },
  );
}

type ReportOptions = {
  readonly signal: AbortSignal;
  /** Receives the function that sends something besides reports, until the stream ends. */
  readonly onSend: (send: (message: FromReplica) => void) => void;
};

/** Reports until the stream ends; returns why it ended. */
async function report(
  client: Client,
  deps: HolderLinkDeps,
  options: HolderLinkOptions,
  { signal, onSend }: ReportOptions,
): Promise<string> {
  const { hub, resolver, relay } = deps;
  const call = client.makeBidiStreamRequest(
    "/gander.v1.Peers/Report",
    asIs,
    asIs,
  ) as unknown as ClientDuplexStream<Buffer, Buffer>;
  const ended = Promise.withResolvers<string>();
  call.once("status", ({ code, details }) => ended.resolve(details || `gRPC status ${code}`));
  call.on("error", () => {});
  using stack = new DisposableStack();
  const cancel = () => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  stack.defer(() => signal.removeEventListener("abort", cancel));

  const send = (message: FromReplica) => call.write(asBuffer(fromReplica.encode(message)));
  send({ hello: { identity: options.identity, operator_version: options.version } });
  const reporter = stack.use(startReporter((one) => send({ report: one }), deps));
  call.on("drain", reporter.resume);
  onSend((message) => void send(message));

  const answer = ({ question = 0, uid = "" }: NodesQuestion) => {
    const found = parts([...policyNodesHere({ hub, resolver }, uid)], nodesInAMessage);
    for (const nodes of found) send({ nodes: { question, nodes } });
    send({ nodes: { question, last: true } });
  };
  let events: Disposable | undefined;
  stack.defer(() => events?.[Symbol.dispose]());
  const openEvents = () => {
    if (events !== undefined) return;
    const eventsCall = client.makeBidiStreamRequest(
      "/gander.v1.Peers/Events",
      asIs,
      asIs,
    ) as unknown as ClientDuplexStream<Buffer, Buffer>;
    events = serveEventOrders({ relay, sensors: () => hub.connected }, eventsCall, {
      ...options.orders,
      onEnd: () => {
        events = undefined;
      },
    });
  };
  call.on("data", (bytes: Buffer) => {
    const message = read(bytes);
    if (message === undefined) {
      ended.resolve("a message is not a gander.v1.ToReplica");
      call.cancel();
      return;
    }
    for (const node of message.moved ?? [])
      hub.session(node)?.end(status.ABORTED, "The node's sensor came to another replica");
    if (message.nodes !== undefined) answer(message.nodes);
    if (message.open_events !== undefined) openEvents();
    if (message.session !== undefined) deps.onSession(message.session);
    if (message.check !== undefined)
      void answerCheck(deps.checkFleet, message.check).then((checked) => void send({ checked }));
  });
  // Awaited here: listeners are removed only when the stream has ended.
  return await ended.promise;
}

function read(bytes: Buffer): ToReplica | undefined {
  try {
    return toReplica.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Forwards one call, message by message; no faster than it is read. */
async function forward(
  client: Client,
  path: string,
  call: FleetCall,
  signal: AbortSignal,
): Promise<void> {
  const inner = client.makeServerStreamRequest(path, asIs, asIs, call.request);
  const cancel = () => inner.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  call.on("drain", () => inner.resume());
  inner.once("metadata", (headers) => call.sendMetadata(headers));
  inner.on("data", (bytes: Buffer) => {
    if (!call.write(bytes)) inner.pause();
  });
  try {
    await new Promise<void>((resolve, reject) => {
      inner.once("end", resolve);
      inner.once("error", reject);
    });
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
