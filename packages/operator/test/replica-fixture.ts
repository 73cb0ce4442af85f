// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { createKubeClient } from "@gander/kube";
import { encodePolicy } from "@gander/policy/content";
import { codec, type GetEventsRequest, type GetEventsResponse } from "@gander/proto";
import type { Messages } from "@gander/proto/stream";
import { streamCodec } from "@gander/proto/stream";
import { Client, type ClientReadableStream, credentials, Metadata } from "@grpc/grpc-js";
import type { CheckFleet } from "../src/admission/fleet-report.ts";
import { createPolicyCatalog } from "../src/api/policy-catalog.ts";
import { PolicyContents } from "../src/bundles/policy-contents.ts";
import { createExceptionCatalog } from "../src/exceptions/exception-catalog.ts";
import type { VerifyUser } from "../src/fleet/user-tokens.ts";
import { issueAuthority, issueServer } from "../src/identity/issue-certificate.ts";
import { createServingCertificate } from "../src/identity/serving-certificate.ts";
import { createFleetPart } from "../src/peers/fleet-part.ts";
import { createSensorRelay } from "../src/relay/sensor-relay.ts";
import { replicaIdentity } from "../src/replica-identity.ts";
import { SensorHub } from "../src/sensors/sensor-hub.ts";
import { createSensorServer } from "../src/sensors/sensor-server.ts";
import type { AnnounceSession } from "../src/sessions/session-announcer.ts";
import type { SessionResult } from "../src/sessions/session-counts.ts";
import { createFleetView } from "../src/status/create-fleet-view.ts";
import { localSource } from "../src/status/local-source.ts";
import { Resolver } from "../src/workloads/resolver.ts";
import type { PolicyRevision } from "../src/workloads/workload.ts";
import { SimulatedSensor } from "./simulated-sensor.ts";

const validity = {
  from: new Date(Date.now() - 3_600_000),
  until: new Date(Date.now() + 3_600_000),
};
const serverName = "gander-operator.gander-system.svc";

/** An authority, and a certificate of it for `name`. */
export async function certificateOf(
  authority: Awaited<ReturnType<typeof issueAuthority>>,
  name: string = serverName,
) {
  const certificate = createServingCertificate();
  const server = await issueServer(authority, [name], validity);
  certificate.set({ ...server, ca: authority.cert });
  return certificate;
}

export const newAuthority = () => issueAuthority("test", validity);

/** A Lease as all replicas see it. */
export type TestLease = { holder: string };

/** `admin` may do everything, `viewer` may not watch events; others are nobody. */
const verify: VerifyUser = async (token, { verb, resource }) => {
  if (token === "admin" || (token === "viewer" && resource === "policystatuses"))
    return { user: token };
  if (token === "viewer")
    return { problem: `"viewer" may not ${verb} ${resource}`, reason: "forbidden" };
  return { problem: "The token is not known", reason: "unauthenticated" };
};

export type ReplicaOptions = {
  readonly name: string;
  readonly lease: TestLease;
  readonly authority: Awaited<ReturnType<typeof newAuthority>>;
  /** In the certificate, if it is another than the operator's. */
  readonly certificateName?: string;
};

/** One replica of the operator on real sockets, with what others take from the API server given by the test. */
export class ReplicaFixture implements AsyncDisposable {
  readonly resolver: Resolver = new Resolver();
  readonly contents: PolicyContents = new PolicyContents();
  readonly catalog = createPolicyCatalog();
  readonly hub: SensorHub;
  readonly view: ReturnType<typeof createFleetView>;
  readonly identity: string;
  readonly sensorPort: number;
  readonly apiPort: number;
  readonly checkFleet: CheckFleet;
  readonly announce: AnnounceSession;
  /** Of sessions that other replicas passed on. */
  readonly passedOn: SessionResult[] = [];
  readonly #authority: string;
  readonly #stack: AsyncDisposableStack;

  static async start(options: ReplicaOptions): Promise<ReplicaFixture> {
    const certificate = await certificateOf(options.authority, options.certificateName);
    const apiPort = await freePort();
    const fixture = new ReplicaFixture(options, apiPort);
    const { hub, resolver, catalog, view, identity } = fixture;
    const relay = createSensorRelay(hub);
    const sensors = createSensorServer(
      {
        hub,
        verify: async ({ token }) => ({ node: token.slice(3) }),
        events: relay.serve,
      },
      { host: "127.0.0.1" },
    );
    fixture.#stack.use(sensors);
    (fixture as { sensorPort: number }).sensorPort = (await sensors.listen()).port;
    const part = createFleetPart(
      {
        logger: createLogger({ level: "error" }),
        exceptions: createExceptionCatalog(),
        client: createKubeClient({
          namespace: "gander-system",
          read: () => Promise.reject(new Error("there is no API server")),
          invalidate: () => {},
        }),
        namespace: "gander-system",
        configuration: {
          serviceName: "gander-operator",
          apiAddress: `127.0.0.1:${apiPort}`,
          tokenAudience: "gander-operator",
        },
        election: {
          state: () => ({
            isLeader: options.lease.holder === identity,
            holder: options.lease.holder,
            term: 1,
            losses: 0,
            lastError: undefined,
          }),
        },
        ...{ certificate, hub, resolver, catalog, relay, identity, version: "1.2.3" },
      },
      view,
      { verify, retryMs: 50, sessionPassedOn: (_, result) => fixture.passedOn.push(result) },
    );
    const stop = new AbortController();
    const running = part.run({ signal: stop.signal });
    fixture.#stack.defer(async () => {
      stop.abort();
      await running;
    });
    await part.serving;
    (fixture as { checkFleet: CheckFleet }).checkFleet = part.checkFleet;
    (fixture as { announce: AnnounceSession }).announce = part.announce;
    return fixture;
  }

  private constructor({ name, authority }: ReplicaOptions, apiPort: number) {
    const { resolver, contents } = this;
    this.hub = new SensorHub({ resolver, contents }, { announcesSessions: true });
    this.view = createFleetView(resolver);
    this.view.add(localSource(this.hub));
    this.identity = replicaIdentity(name, `127.0.0.1:${apiPort}`);
    this.apiPort = apiPort;
    this.sensorPort = 0;
    this.checkFleet = () => Promise.reject(new Error("not started"));
    this.announce = () => "no-sensor";
    this.#authority = authority.cert;
    this.#stack = new AsyncDisposableStack();
  }

  sensor(node: string): SimulatedSensor {
    return this.#stack.adopt(new SimulatedSensor(this.sensorPort, node), (sensor) =>
      sensor[Symbol.dispose](),
    );
  }

  nodes(...names: readonly string[]): void {
    for (const name of names) this.resolver.putNode(name, {});
  }

  /** A policy for all nodes, as the catalog and the resolver have it. */
  policy(name: string, generation = 1): PolicyRevision {
    const policy = {
      ...{ name, namespace: "", digest: "", mode: "enforce" as const, hooks: [] },
      nodeSelector: {
        matchLabels: {},
        matchExpressions: [
          { key: `v${generation}`, operator: "DoesNotExist" as const, values: [] },
        ],
      },
    };
    const encoded = encodePolicy(policy);
    const digest = this.contents.add(encoded) ?? "";
    const uid = `uid-of-${name}`;
    const revision = { uid, generation, name, namespace: "", mode: "" as const, digest };
    this.catalog.put({
      kind: "TracingPolicy",
      ...{ uid, name, generation, namespace: "", annotations: {} },
      createdAt: "2026-01-01T00:00:00Z",
      fuse: {},
      fuseProblems: [],
      object: {},
      compiled: { value: { policy, encoded, sets: [], warnings: [] } },
      status: undefined,
    });
    void this.hub.push(this.resolver.putPolicy(revision));
    this.view.changed(uid);
    return revision;
  }

  /** A person who asks this replica. */
  person(token: string | undefined): FleetPerson {
    return this.#stack.adopt(new FleetPerson(this.apiPort, this.#authority, token), (person) =>
      person[Symbol.dispose](),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Found by listening: the address stands in the identity before anybody listens there. */
async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const asIs = (bytes: Buffer) => bytes;
const events = codec("tetragon.GetEventsResponse");
const eventsRequest = codec("tetragon.GetEventsRequest");

/** Asks by gRPC and TLS, as the command line does. */
export class FleetPerson implements Disposable {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(
    port: number,
    authority: string,
    token: string | undefined,
    more?: { readonly cert: string; readonly key: string },
  ) {
    const own = more === undefined ? [] : [Buffer.from(more.key), Buffer.from(more.cert)];
    this.#client = new Client(
      `127.0.0.1:${port}`,
      credentials.createSsl(Buffer.from(authority), own[0], own[1]),
      { "grpc.ssl_target_name_override": serverName, "grpc.use_local_subchannel_pool": 1 },
    );
    if (token !== undefined) this.#metadata.set("authorization", `Bearer ${token}`);
  }

  /** All messages of an answer; rejects with gRPC's error. */
  async ask<Answer extends keyof Messages>(
    path: string,
    answer: Answer,
    request: Uint8Array = new Uint8Array(),
  ): Promise<readonly Messages[Answer][]> {
    const stream = this.#call(path, request);
    const messages: Messages[Answer][] = [];
    for await (const bytes of stream) messages.push(streamCodec(answer).decode(bytes as Buffer));
    return messages;
  }

  async status(): Promise<Messages["gander.v1.FleetStatus"]> {
    const [only] = await this.ask("/gander.v1.Fleet/GetFleetStatus", "gander.v1.FleetStatus");
    return only ?? {};
  }

  async policies(): Promise<readonly Messages["gander.v1.FleetPolicy"][]> {
    const parts = await this.ask("/gander.v1.Fleet/ListPolicies", "gander.v1.FleetPolicies");
    return parts.flatMap(({ policies = [] }) => policies);
  }

  async policyNodes(name: string): Promise<readonly Messages["gander.v1.PolicyNode"][]> {
    const request = streamCodec("gander.v1.GetPolicyNodesRequest").encode({ name });
    const path = "/gander.v1.Fleet/GetPolicyNodes";
    const parts = await this.ask(path, "gander.v1.PolicyNodes", request);
    return parts.flatMap(({ nodes = [] }) => nodes);
  }

  watch(request: GetEventsRequest = {}): Watching {
    return new Watching(
      this.#call("/tetragon.FineGuidanceSensors/GetEvents", eventsRequest.encode(request)),
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #call(path: string, request: Uint8Array): ClientReadableStream<Buffer> {
    return this.#client.makeServerStreamRequest(
      path,
      asIs,
      asIs,
      Buffer.from(request),
      this.#metadata,
    );
  }
}

/** Reads events, as fast as it is told. */
export class Watching {
  readonly stream: ClientReadableStream<Buffer>;
  /** The headers: from here on nothing is missed. */
  readonly begun: Promise<Metadata>;
  readonly ended: Promise<{ readonly code: number; readonly details: string }>;
  readonly nodes = new Map<string, number>();
  events = 0;
  missing = 0;
  last: GetEventsResponse | undefined;

  constructor(stream: ClientReadableStream<Buffer>) {
    this.stream = stream;
    this.begun = new Promise((resolve) => stream.once("metadata", resolve));
    this.ended = new Promise((resolve) => stream.once("status", resolve));
    stream.on("error", () => {});
    stream.on("data", (bytes: Buffer) => this.#take(events.decode(bytes)));
  }

  #take(event: GetEventsResponse): void {
    this.last = event;
    const { rate_limit_info: mark, node_name: node = "" } = event;
    if (mark !== undefined) this.missing += Number(mark.number_of_dropped_process_events ?? 0);
    else {
      this.events += 1;
      this.nodes.set(node, (this.nodes.get(node) ?? 0) + 1);
    }
  }
}
