// SPDX-License-Identifier: Apache-2.0
import { constants, readFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { GanderError } from "@gander/base";
import {
  type ConfigureTracingPolicyRequest,
  fromProtoJson,
  type GetDebugResponse,
  type GetEventsResponse,
  type GetHealthStatusResponse,
  type GetInfoResponse,
  type GetVersionResponse,
  type ListTracingPoliciesResponse,
  type LogLevel,
  serviceDefinition,
  type TracingPolicyStatus,
  toProtoJson,
} from "@gander/proto";
import { startProblemFile } from "@gander/sensor/server-address";
import { Client, type ClientReadableStream, type ServiceError, status } from "@grpc/grpc-js";
import type { EventJson } from "./events/event-json.ts";
import type { SensorChannel } from "./sensor-channel.ts";

export type PolicyKey = {
  readonly name: string;
  readonly namespace: string;
  readonly domain: string;
};

/** A connection to a running sensor. Every method throws GanderError. */
export type SensorClient = {
  /** Events as they happen, in the form of the JSON export. */
  events(request: unknown, options: WatchOptions): AsyncIterable<EventJson>;
  /** Policies of one origin, or of all if `domain` is empty. */
  listPolicies(domain?: string): Promise<readonly TracingPolicyStatus[]>;
  addPolicy(yaml: string): Promise<void>;
  deletePolicy(key: PolicyKey): Promise<void>;
  configurePolicy(
    key: PolicyKey,
    change: Pick<ConfigureTracingPolicyRequest, "enable" | "mode" | "rearm_fuse">,
  ): Promise<void>;
  health(): Promise<GetHealthStatusResponse>;
  version(): Promise<string>;
  /** What the sensor says of its build, its kernel and its settings. */
  info(): Promise<unknown>;
  logLevel(to?: LogLevel): Promise<LogLevel | undefined>;
  close(): void;
};

export type WatchOptions = {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** From here on nothing is missed. */
  readonly onWatching?: () => void;
};

type SensorClientOptions = {
  readonly channel: SensorChannel;
  /** How long a call other than `events` may take. */
  readonly timeoutMs: number;
};

const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;

/** Connects to a sensor; throws GanderError if nothing listens on the socket or we may not use it. */
export async function connectSensor({
  channel,
  timeoutMs,
}: SensorClientOptions): Promise<SensorClient> {
  if (channel.path !== undefined) await checkSocket(channel.path);
  const methods = serviceDefinition("tetragon.FineGuidanceSensors");
  const client = new Client(channel.target, channel.credentials, {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    ...channel.options,
  });

  const call = <T>(name: string, request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      const method = methodOf(methods, name);
      const deadline = Date.now() + timeoutMs;
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline },
        (error, response) => {
          if (error === null) resolve(response as T);
          else reject(explainServiceError(error, channel));
        },
      );
    });

  return {
    events: (request, { signal, onWatching = () => {} }) => {
      const method = methodOf(methods, "GetEvents");
      const stream = client.makeServerStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        fromProtoJson("tetragon.GetEventsRequest", request),
      );
      stream.once("metadata", onWatching);
      return eventsOf(stream, signal, channel);
    },
    listPolicies: async (domain = "") =>
      (await call<ListTracingPoliciesResponse>("ListTracingPolicies", { domain })).policies ?? [],
    addPolicy: async (yaml) => void (await call("AddTracingPolicy", { yaml })),
    deletePolicy: async (key) => void (await call("DeleteTracingPolicy", key)),
    configurePolicy: async (key, change) =>
      void (await call("ConfigureTracingPolicy", { ...key, ...change })),
    health: async () => {
      const request = { event_set: ["HEALTH_STATUS_TYPE_STATUS"] };
      return call<GetHealthStatusResponse>("GetHealth", request);
    },
    version: async () => (await call<GetVersionResponse>("GetVersion", {})).version ?? "",
    info: async () =>
      toProtoJson("tetragon.GetInfoResponse", await call<GetInfoResponse>("GetInfo", {})),
    logLevel: async (level) => {
      const flag = "CONFIG_FLAG_LOG_LEVEL";
      const [name, request] =
        level === undefined ? ["GetDebug", { flag }] : ["SetDebug", { flag, level }];
      return (await call<GetDebugResponse>(name as string, request as object)).level;
    },
    close: () => client.close(),
  };
}

type Methods = ReturnType<typeof serviceDefinition>;

function methodOf(methods: Methods, name: string): Methods[string] {
  const method = methods[name];
  if (method === undefined) throw new Error(`service has no method ${name}`);
  return method;
}

async function* eventsOf(
  stream: ClientReadableStream<object>,
  signal: AbortSignal,
  channel: SensorChannel,
): AsyncIterable<EventJson> {
  const cancel = () => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for await (const message of stream)
      yield toProtoJson("tetragon.GetEventsResponse", message as GetEventsResponse);
  } catch (error) {
    if (!signal.aborted) throw explainServiceError(error as ServiceError, channel);
  } finally {
    signal.removeEventListener("abort", cancel);
    stream.cancel();
  }
}

/** gRPC would keep retrying a missing socket: report at once what is wrong. */
async function checkSocket(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EACCES" || code === "EPERM") throw notAllowed(path);
    throw notRunning(path, `there is no such socket${lastProblem(path)}`, error);
  }
}

/** Why the sensor of this socket did not start, in the words it left; empty: it did not fail to. */
function lastProblem(path: string): string {
  try {
    const problem = readFileSync(startProblemFile(path), "utf8").trimEnd();
    return `, because the sensor could not start:\n${problem}`;
  } catch {
    return "";
  }
}

function notAllowed(path: string): GanderError {
  return new GanderError("client-not-allowed", `Cannot use ${path}: permission denied`, {
    hint: "The sensor talks to root only. Run the command again with sudo.",
  });
}

function notRunning(path: string, why: string, cause: unknown): GanderError {
  return new GanderError("client-no-sensor", `Cannot reach the sensor at ${path}: ${why}`, {
    hint: "Is the sensor running? Start it with: sudo gander run --policies DIR",
    retryable: true,
    cause,
  });
}

function explainServiceError(error: ServiceError, channel: SensorChannel): GanderError {
  const { code, details, message } = error;
  if (code === status.UNAVAILABLE && channel.path === undefined)
    return new GanderError(
      "client-no-sensor",
      `Cannot reach the sensor at ${channel.name}: ${reasonOf(details || message)}`,
      {
        hint: "Does it listen there (gander run --server-address), and does it want TLS (--tls-ca-cert-files, --tls-cert-file)?",
        retryable: true,
        cause: error,
      },
    );
  // A call that was cancelled, but not by us: the sensor was stopped.
  if (code === status.UNAVAILABLE || code === status.CANCELLED)
    return notRunning(
      channel.name,
      `nobody listens, or the sensor went away${channel.path === undefined ? "" : lastProblem(channel.path)}`,
      error,
    );
  if (code === status.DEADLINE_EXCEEDED)
    return new GanderError("client-timeout", "The sensor did not answer in time", {
      hint: "Try again, or raise --timeout. Its log may say what it is busy with.",
      retryable: true,
      cause: error,
    });
  return new GanderError("client-refused", details || message, { cause: error });
}

/** What went wrong last, out of what the library says about it. */
function reasonOf(details: string): string {
  return /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1] ?? details;
}
