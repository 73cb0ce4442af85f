// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { codec, fromProtoJson, type GetEventsRequest, toProtoJson } from "@gander/proto";
import type { FleetPolicy, FleetStatus, Messages, PolicyNode } from "@gander/proto/stream";
import { streamCodec } from "@gander/proto/stream";
import { Client, type ClientReadableStream, type ServiceError, status } from "@grpc/grpc-js";
import type { EventJson } from "../events/event-json.ts";
import type { FleetChannel } from "./fleet-channel.ts";

/** Whose events come. */
export type Coverage = {
  readonly watching: number;
  /** Sensors that can't filter as it was asked. */
  readonly refused: number;
  readonly connected: number;
};

export type FleetWatchOptions = {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** From here on nothing is missed of those sensors. */
  readonly onWatching?: (coverage: Coverage) => void;
  /** An event came that this program can't read. */
  readonly onUnreadable?: () => void;
};

/** A connection to the operator. Every method throws GanderError. */
export type FleetClient = Disposable & {
  status(): Promise<FleetStatus>;
  /** By namespace and name. */
  policies(): Promise<readonly FleetPolicy[]>;
  /** Nodes by name. */
  policyNodes(key: {
    readonly namespace: string;
    readonly name: string;
  }): Promise<{ readonly policy: FleetPolicy; readonly nodes: readonly PolicyNode[] }>;
  /** Events of all nodes as they happen, in the form of the JSON export. */
  events(request: unknown, options: FleetWatchOptions): AsyncIterable<EventJson>;
};

const asIs = (bytes: Buffer) => bytes;
const eventCodec = codec("tetragon.GetEventsResponse");
const requestCodec = codec("tetragon.GetEventsRequest");

export function connectFleet(
  channel: FleetChannel,
  { timeoutMs }: { readonly timeoutMs: number },
): FleetClient {
  const client = new Client(channel.target, channel.credentials, {
    "grpc.max_receive_message_length": 16 * 1024 * 1024,
    ...channel.options,
  });
  const call = (path: string, request: Uint8Array, options = {}) =>
    client.makeServerStreamRequest(path, asIs, asIs, Buffer.from(request), options);

  /** All messages of an answer. */
  const ask = async <Answer extends keyof Messages>(
    method: string,
    answer: Answer,
    request: Uint8Array = new Uint8Array(),
  ): Promise<readonly Messages[Answer][]> => {
    const path = `/gander.v1.Fleet/${method}`;
    const messages: Messages[Answer][] = [];
    try {
      const stream = call(path, request, { deadline: Date.now() + timeoutMs });
      for await (const bytes of stream) messages.push(streamCodec(answer).decode(bytes as Buffer));
    } catch (error) {
      throw explain(error as ServiceError, channel);
    }
    return messages;
  };

  return {
    async status() {
      const [only] = await ask("GetFleetStatus", "gander.v1.FleetStatus");
      return only ?? {};
    },
    async policies() {
      const parts = await ask("ListPolicies", "gander.v1.FleetPolicies");
      return parts.flatMap(({ policies = [] }) => policies);
    },
    async policyNodes(key) {
      const request = streamCodec("gander.v1.GetPolicyNodesRequest").encode(key);
      const [first, ...parts] = await ask("GetPolicyNodes", "gander.v1.PolicyNodes", request);
      return { policy: first?.policy ?? {}, nodes: parts.flatMap(({ nodes = [] }) => nodes) };
    },
    events(request, options) {
      const message = fromProtoJson("tetragon.GetEventsRequest", request) as GetEventsRequest;
      const path = "/tetragon.FineGuidanceSensors/GetEvents";
      return eventsOf(call(path, requestCodec.encode(message)), options, channel);
    },
    [Symbol.dispose]: () => client.close(),
  };
}

async function* eventsOf(
  stream: ClientReadableStream<Buffer>,
  { signal, onWatching, onUnreadable }: FleetWatchOptions,
  channel: FleetChannel,
): AsyncIterable<EventJson> {
  const cancel = () => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  stream.once("metadata", (headers) => {
    const number = (name: string) => Number(headers.get(`gander-sensors-${name}`)[0] ?? 0);
    onWatching?.({
      watching: number("watching"),
      refused: number("refused"),
      connected: number("connected"),
    });
  });
  try {
    for await (const bytes of stream) {
      const event = readEvent(bytes as Buffer);
      // One node's nonsense is no reason to show nothing of the others.
      if (event === undefined) onUnreadable?.();
      else yield event;
    }
  } catch (error) {
    if (!signal.aborted) throw explain(error as ServiceError, channel);
  } finally {
    signal.removeEventListener("abort", cancel);
    stream.cancel();
  }
}

function readEvent(bytes: Buffer): EventJson | undefined {
  try {
    return toProtoJson("tetragon.GetEventsResponse", eventCodec.decode(bytes));
  } catch {
    return undefined;
  }
}

function explain(error: ServiceError, { name }: FleetChannel): unknown {
  const { code, details, message } = error;
  if (code === undefined) return error;
  const why = details || message;
  switch (code) {
    case status.UNAVAILABLE:
    case status.CANCELLED:
      // It runs, and says why: another replica takes over, or the API server is away.
      if (why.endsWith("try again"))
        return new GanderError("client-no-operator", `The operator cannot answer now: ${why}`, {
          hint: "Try again in a moment; gander events --reconnect does so by itself.",
          retryable: true,
          cause: error,
        });
      return new GanderError(
        "client-no-operator",
        `Cannot reach the operator at ${name}: ${reasonOf(why)}`,
        {
          hint: "Is a port forwarded to it? kubectl -n gander-system port-forward service/gander-operator 8444",
          retryable: true,
          cause: error,
        },
      );
    case status.DEADLINE_EXCEEDED:
      return new GanderError("client-timeout", "The operator did not answer in time", {
        hint: "Try again, or raise --timeout.",
        retryable: true,
        cause: error,
      });
    case status.UNAUTHENTICATED:
      return new GanderError("client-no-right", `The operator doesn't know who you are: ${why}`, {
        hint: 'Give a token: GANDER_TOKEN="$(kubectl create token NAME -n NAMESPACE --audience gander-operator)"',
        cause: error,
      });
    case status.PERMISSION_DENIED:
      return new GanderError("client-no-right", `The operator doesn't answer this: ${why}`, {
        hint: "Bind a ClusterRole with this right; docs/fleet.md has one.",
        cause: error,
      });
    case status.NOT_FOUND:
      return new GanderError("client-not-found", why, {
        hint: "gander policy status lists all.",
        cause: error,
      });
    default:
      return new GanderError("client-refused", why, { cause: error });
  }
}

/** What went wrong last, out of what the library says about it. */
function reasonOf(details: string): string {
  return /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1] ?? details;
}
