// SPDX-License-Identifier: Apache-2.0
import { encodePolicy } from "@gander/policy/content";
import type {
  FromReplica,
  NodeSession,
  PolicyNode,
  ReplicaStatus,
  ToReplica,
} from "@gander/proto/stream";
import { streamCodec } from "@gander/proto/stream";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { CheckFleet, FleetReport } from "../admission/fleet-report.ts";
import { reportOfMessage } from "../admission/fleet-report-messages.ts";
import { coalesce } from "../bundles/coalesce.ts";
import type { FleetReplica } from "../fleet/fleet-answers.ts";
import type { EventRelay } from "../relay/event-relay.ts";
import { serveEvents } from "../relay/sensor-events.ts";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import type { AnnounceSession } from "../sessions/session-announcer.ts";
import type { FleetSource } from "../status/fleet-view.ts";
import { asBuffer } from "../wire/as-buffer.ts";
import { type NodesOfReport, ReplicaSource } from "./replica-source.ts";

/** Encoded messages both ways: FromReplica in and ToReplica out, or EventBatch in and EventOrder out. */
export type ReplicaCall = ServerDuplexStream<Buffer, Buffer>;

type ReportingReplicasDeps = {
  readonly hub: Pick<SensorHub, "session" | "onChange">;
  readonly relay: Pick<EventRelay, "connect" | "isWanted" | "onWanted">;
  /** Of the fleet view: disposing removes the source. */
  readonly addSource: (source: FleetSource) => Disposable;
  /** A replica was asked for a session on a node whose sensor it doesn't have. */
  readonly onSession: (session: NodeSession) => void;
};

export type ReportingReplicas = Disposable & {
  serveReport(call: ReplicaCall): void;
  serveEvents(call: ReplicaCall): void;
  all(): readonly ReportingReplica[];
  /** Sends it to the replica that has the node's sensor. */
  readonly announce: AnnounceSession;
  /** This process has lost the Lease: the replicas must go to the new holder. */
  endAll(reason: string): void;
};

type ReportingReplica = FleetReplica & {
  nodeNames(): Iterable<string>;
  /** Checks the kernels of its sensors; those not reported in time are unknown. */
  readonly checkFleet: CheckFleet;
  readonly sensors: number;
  readonly status: ReplicaStatus;
};

const fromReplica = streamCodec("gander.v1.FromReplica");
const toReplica = streamCodec("gander.v1.ToReplica");

/** How long a replica has to report a policy's nodes. */
const answerMs = 5_000;
/** How long to wait before replicas are told of sensors that they lost without noticing. */
const movedQuietMs = 100;

/** The other replicas, at the holder of the Lease: their reports, and the questions to them. */
export function createReportingReplicas(deps: ReportingReplicasDeps): ReportingReplicas {
  return new Replicas(deps);
}

class Replicas implements ReportingReplicas {
  readonly #deps: ReportingReplicasDeps;
  readonly #replicas = new Set<Replica>();
  /** Each function ends one call. */
  readonly #eventCalls = new Set<() => void>();
  readonly #listening: readonly Disposable[];
  readonly #tellMoved = coalesce<string>(
    () => {
      for (const replica of this.#replicas)
        if (replica.source.moved.size > 0) replica.send({ moved: [...replica.source.moved] });
    },
    { quietMs: movedQuietMs, maxMs: 3 * movedQuietMs },
  );

  constructor(deps: ReportingReplicasDeps) {
    this.#deps = deps;
    this.#listening = [
      deps.hub.onChange((uid) => {
        if (uid !== undefined || this.#replicas.size === 0) return;
        this.#recheck();
        this.#tellMoved.add(["hub"]);
      }),
      deps.relay.onWanted((wanted) => {
        if (wanted !== "wanted") this.#endEvents();
        else for (const replica of this.#replicas) replica.send({ open_events: {} });
      }),
    ];
  }

  serveReport(call: ReplicaCall): void {
    const { hub, relay, addSource } = this.#deps;
    const replica: Replica = new Replica(call, {
      isElsewhere: (node) => hub.session(node) !== undefined || !replica.latest.has(node),
      changed: (from, nodes) => this.#changed(from, nodes),
      onSession: this.#deps.onSession,
    });
    let adding: Disposable | undefined;
    const gone = () => {
      if (!this.#replicas.delete(replica)) return;
      adding?.[Symbol.dispose]();
      replica.close();
      this.#handOn(replica, [...replica.latest]);
      this.#recheck();
    };
    replica.onReady = () => {
      adding ??= addSource(replica.source);
      if (relay.isWanted) replica.send({ open_events: {} });
    };
    this.#replicas.add(replica);
    call.on("data", (bytes: Buffer) => replica.receive(bytes));
    for (const event of ["end", "cancelled", "error"]) call.once(event, gone);
    call.once("end", () => call.end());
  }

  serveEvents(call: ReplicaCall): void {
    const { relay } = this.#deps;
    const end = serveEvents(relay, call, {
      node: undefined,
      onEnd: () => void this.#eventCalls.delete(end),
    });
    this.#eventCalls.add(end);
    if (!relay.isWanted) end();
  }

  all(): readonly ReportingReplica[] {
    return [...this.#replicas].filter(({ isReady }) => isReady);
  }

  readonly announce: AnnounceSession = (node, session) => {
    const replica = [...this.#replicas].find((one) => one.isReady && one.has(node));
    if (replica === undefined) return "no-sensor";
    replica.send({ session: { node, session } });
    return "passed-on";
  };

  endAll(reason: string): void {
    this.#endEvents();
    for (const replica of [...this.#replicas]) replica.end(reason);
  }

  [Symbol.dispose](): void {
    for (const listening of this.#listening) listening[Symbol.dispose]();
    this.#tellMoved.close();
    this.endAll("This replica of the operator is going away");
  }

  #endEvents(): void {
    for (const end of [...this.#eventCalls]) end();
  }

  #recheck(): void {
    for (const { source } of this.#replicas) source.recheck();
  }

  #changed(from: Replica, { came, went }: NodesOfReport): void {
    this.#handOn(from, went);
    for (const node of came) {
      for (const other of this.#replicas) other.latest.delete(node);
      from.latest.add(node);
      // The sensor moved there, and this replica has not noticed.
      const session = this.#deps.hub.session(node);
      session?.end(status.ABORTED, "The node's sensor came to another replica");
    }
    this.#recheck();
    if (came.length > 0) this.#tellMoved.add(["replica"]);
  }

  /** A sensor that `from` reported last may still be at another replica that reported it earlier. */
  #handOn(from: Replica, nodes: Iterable<string>): void {
    for (const node of nodes) {
      from.latest.delete(node);
      for (const other of this.#replicas)
        if (other !== from && other.source.claims(node)) other.latest.add(node);
    }
  }
}

type ReplicaDeps = {
  readonly isElsewhere: (node: string) => boolean;
  readonly changed: (replica: Replica, nodes: NodesOfReport) => void;
  readonly onSession: (session: NodeSession) => void;
};

/** A replica that reports here. */
class Replica implements ReportingReplica {
  readonly source: ReplicaSource;
  /** Nodes that it was the last to report as added. */
  readonly latest = new Set<string>();
  /** Called when the first report is complete. */
  onReady: () => void = () => {};
  readonly #call: ReplicaCall;
  readonly #deps: ReplicaDeps;
  readonly #questions = new Map<number, Question>();
  readonly #checks = new Map<number, (report: FleetReport) => void>();
  #identity = "";
  #version = "";
  #lastQuestion = 0;
  isReady = false;

  constructor(call: ReplicaCall, deps: ReplicaDeps) {
    this.#call = call;
    this.#deps = deps;
    this.source = new ReplicaSource(deps.isElsewhere);
  }

  get sensors(): number {
    return this.source.size;
  }

  get status(): ReplicaStatus {
    return {
      identity: this.#identity,
      operator_version: this.#version,
      holds_lease: false,
      sensors: this.sensors,
    };
  }

  has(node: string): boolean {
    return this.source.has(node);
  }

  startProblem(node: string): string | undefined {
    return this.source.startProblem(node);
  }

  nodeNames(): Iterable<string> {
    return this.source.nodeNames();
  }

  async policyNodes(
    uid: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly PolicyNode[]> {
    const id = ++this.#lastQuestion;
    const question: Question = { nodes: [], done: Promise.withResolvers() };
    this.#questions.set(id, question);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const giveUp = () => question.done.resolve();
    limit.addEventListener("abort", giveUp, { once: true });
    this.send({ nodes: { question: id, uid } });
    await question.done.promise;
    limit.removeEventListener("abort", giveUp);
    this.#questions.delete(id);
    return question.nodes.filter(({ node = "" }) => this.has(node));
  }

  readonly checkFleet: CheckFleet = async (policy, { signal }) => {
    const unknown = { findings: [], nodes: this.sensors, unknown: this.sensors };
    const id = ++this.#lastQuestion;
    const { promise, resolve } = Promise.withResolvers<FleetReport>();
    const giveUp = () => resolve(unknown);
    if (signal.aborted) return unknown;
    signal.addEventListener("abort", giveUp, { once: true });
    this.#checks.set(id, resolve);
    this.send({ check: { question: id, policy: encodePolicy(policy).bytes } });
    return promise.finally(() => {
      signal.removeEventListener("abort", giveUp);
      this.#checks.delete(id);
    });
  };

  send(message: ToReplica): void {
    this.#call.write(asBuffer(toReplica.encode(message)));
  }

  receive(bytes: Buffer): void {
    let message: FromReplica;
    try {
      message = fromReplica.decode(bytes);
    } catch {
      this.end("A message is not a gander.v1.FromReplica");
      return;
    }
    const { hello, report, nodes, checked, session } = message;
    if (session !== undefined) this.#deps.onSession(session);
    if (hello !== undefined) {
      this.#identity = hello.identity ?? "";
      this.#version = hello.operator_version ?? "";
    }
    if (report !== undefined) {
      this.#deps.changed(this, this.source.receive(report));
      if (!this.isReady && report.more !== true) {
        this.isReady = true;
        this.onReady();
      }
    }
    if (checked !== undefined) this.#checks.get(checked.question ?? 0)?.(reportOfMessage(checked));
    const question = this.#questions.get(nodes?.question ?? 0);
    question?.nodes.push(...(nodes?.nodes ?? []));
    if (nodes?.last === true) question?.done.resolve();
  }

  end(reason: string): void {
    this.#call.emit("error", { code: status.UNAVAILABLE, details: reason });
  }

  close(): void {
    for (const { done } of this.#questions.values()) done.resolve();
    for (const answer of this.#checks.values()) answer({ findings: [], nodes: 0, unknown: 0 });
  }
}

type Question = { readonly nodes: PolicyNode[]; readonly done: PromiseWithResolvers<void> };
