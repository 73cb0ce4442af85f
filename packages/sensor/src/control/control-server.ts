// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  codec,
  type EventCounters,
  type GetHealthStatusRequest,
  type GetHealthStatusResponse,
  type GetInfoResponse,
  type NewPods,
  type OperatorConnection,
  serviceDefinition,
} from "@gander/proto";
import {
  logVerbosity,
  Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  setLogVerbosity,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import type { EventPipeline } from "../pipeline/event-pipeline.ts";
import { permissionDenied, toCallError, unimplemented } from "./call-error.ts";
import { createDebugCalls, type LogLevelControl } from "./debug-calls.ts";
import {
  createGetEvents,
  type GetEventsOptions,
  readWatchRequest,
  type StreamCounters,
} from "./get-events.ts";
import { listen } from "./listen.ts";
import type { Access, Listener } from "./listeners.ts";
import type { ControlledPolicies, PolicyCheck } from "./policies.ts";
import { createPolicyCalls, domains } from "./policy-calls.ts";

type ControlDeps = {
  readonly pipeline: Pick<EventPipeline, "events" | "processes">;
  readonly policies: ControlledPolicies;
  readonly check: PolicyCheck;
  readonly logLevel: LogLevelControl;
  readonly logger: Logger;
  /** Whether the sensor works, and if not, why. */
  readonly health: () => { readonly running: boolean; readonly details: string };
  /** The outcomes of records and events; the streams of this server are added. */
  readonly eventCounters: () => EventCounters;
  /** The status of the connection to the operator; absent or undefined: the sensor has none. */
  readonly operator?: () => OperatorConnection | undefined;
  /** Absent or undefined: processes of new pods just run. */
  readonly newPods?: () => NewPods | undefined;
};

type ControlOptions = GetEventsOptions & {
  readonly listeners: readonly Listener[];
  readonly version: string;
  /** The kernel's capabilities by name, for GetInfo. */
  readonly probes: Readonly<Record<string, boolean>>;
  readonly configuration: Readonly<Record<string, string>>;
};

export type ControlServer = AsyncDisposable & {
  readonly counters: StreamCounters;
};

/** The largest request; a policy of that size is refused for other reasons. */
const maxRequestBytes = 8 * 1024 * 1024;

/** Serves the published interface (proto/tetragon/sensors.proto). Throws an Error if it cannot listen. */
export async function createControlServer(
  deps: ControlDeps,
  options: ControlOptions,
): Promise<ControlServer> {
  // The library would write its own lines between ours; callers report failures.
  setLogVerbosity(logVerbosity.NONE);
  const counters = { readers: 0, dropped: 0 };
  await using opened = new AsyncDisposableStack();
  for (const listener of options.listeners) {
    const create = () => createServer(deps, options, { counters, access: listener.access });
    opened.use(await listen(create, listener, deps));
  }
  const running = opened.move();
  return { counters, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function createServer(
  deps: ControlDeps,
  options: ControlOptions,
  { counters, access }: { readonly counters: StreamCounters; readonly access: Access },
): Server {
  const server = new Server({
    "grpc.max_receive_message_length": maxRequestBytes,
    "grpc.max_concurrent_streams": 256,
    "grpc.keepalive_time_ms": 60_000,
  });
  const methods = serviceDefinition("tetragon.FineGuidanceSensors");
  const service = {
    ...methods,
    GetEvents: { ...methods.GetEvents, requestDeserialize: readWatchRequest },
  };
  server.addService(service as unknown as ServiceDefinition, {
    ...unaryCalls(deps, options, counters),
    ...(access === "read" && refusals),
    GetEvents: createGetEvents(deps.pipeline, options, counters),
  });
  addHealth(server, deps);
  return server;
}

/** The calls that require a certificate. */
const refusals: Readonly<Record<string, UntypedHandleCall>> = Object.fromEntries(
  [
    ...["AddTracingPolicy", "DeleteTracingPolicy", "ConfigureTracingPolicy"],
    ...["EnableTracingPolicy", "DisableTracingPolicy", "SetDebug"],
  ].map((name) => [
    name,
    unary(() => {
      throw permissionDenied(
        `${name}: this address only reads, because its clients show no certificate; use the sensor's socket on its machine, or start the sensor with --server-tls-client-ca-files`,
      );
    }),
  ]),
);

type Unary = (request: never) => object | Promise<object>;

function unaryCalls(
  deps: ControlDeps,
  options: ControlOptions,
  streams: StreamCounters,
): Record<string, UntypedHandleCall> {
  const policies = createPolicyCalls(deps.policies, deps.check);
  const debug = createDebugCalls(deps.logLevel, deps.pipeline.processes);
  const nothing = async (done: Promise<void>) => {
    await done;
    return {};
  };
  const calls: Record<string, Unary> = {
    GetVersion: () => ({ version: options.version }),
    GetInfo: () => info(options),
    GetHealth: (request) => health(request, deps, streams),
    ListTracingPolicies: policies.list,
    AddTracingPolicy: (request) => nothing(policies.add(request)),
    DeleteTracingPolicy: (request) => nothing(policies.remove(request)),
    ConfigureTracingPolicy: (request) => nothing(policies.configure(request)),
    EnableTracingPolicy: (request) => nothing(policies.setEnabled(request, "enabled")),
    DisableTracingPolicy: (request) => nothing(policies.setEnabled(request, "disabled")),
    ListDomains: () => ({ domains }),
    GetDebug: debug.get,
    SetDebug: debug.set,
    RuntimeHook: () => {
      throw unimplemented("RuntimeHook: hooks of container runtimes are not needed by this sensor");
    },
  };
  for (const name of ["ListSensors", "EnableSensor", "DisableSensor", "RemoveSensor"])
    calls[name] = () => {
      throw unimplemented(`${name} is deprecated: policies are what is added, listed and removed`);
    };
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, unary(call)]));
}

function unary(answer: Unary): UntypedHandleCall {
  const handler = (call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) => {
    const reply = async () => answer(call.request as never);
    reply().then(
      (response) => done(null, response),
      (error: unknown) => {
        const { code, details } = toCallError(error);
        done({ code, details });
      },
    );
  };
  return handler as UntypedHandleCall;
}

function info({ version, probes, configuration }: ControlOptions): GetInfoResponse {
  const text = codec("google.protobuf.StringValue");
  return {
    version,
    name: "gander",
    probes: Object.entries(probes).map(([Name, enabled]) => ({
      Name,
      Enabled: enabled ? { value: true } : {},
    })),
    conf: Object.entries(configuration).map(([key, value]) => ({
      key,
      value: {
        type_url: "type.googleapis.com/google.protobuf.StringValue",
        value: text.encode({ value }),
      },
    })),
    build: {},
  };
}

function health(
  { event_set = [] }: GetHealthStatusRequest,
  deps: ControlDeps,
  streams: StreamCounters,
): GetHealthStatusResponse {
  if (event_set.length > 0 && !event_set.includes("HEALTH_STATUS_TYPE_STATUS"))
    return { health_status: [] };
  const { running, details } = deps.health();
  const status = running ? "HEALTH_STATUS_RUNNING" : "HEALTH_STATUS_ERROR";
  const counters = deps.eventCounters();
  const grpc = { name: "grpc", dropped: String(streams.dropped) };
  const operator = deps.operator?.();
  const newPods = deps.newPods?.();
  return {
    health_status: [{ event: "HEALTH_STATUS_TYPE_STATUS", status, details }],
    event_counters: { ...counters, readers: [...(counters.readers ?? []), grpc] },
    ...(operator && { operator }),
    ...(newPods && { new_pods: newPods }),
  };
}

/** The standard health service; the answer is the same for every service name. */
function addHealth(server: Server, { health: ask }: ControlDeps): void {
  const answer = () => ({ status: ask().running ? "SERVING" : "NOT_SERVING" });
  server.addService(serviceDefinition("grpc.health.v1.Health") as unknown as ServiceDefinition, {
    Check: unary(answer),
    Watch: (call: ServerWritableStream<object, object>) => {
      let told = "";
      const tell = () => {
        const now = answer();
        if (now.status === told) return;
        told = now.status;
        call.write(now);
      };
      tell();
      const timer = setInterval(tell, 1_000);
      const end = () => clearInterval(timer);
      call.on("cancelled", end).on("close", end).on("error", end);
    },
  });
}
