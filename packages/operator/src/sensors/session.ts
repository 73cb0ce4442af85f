// SPDX-License-Identifier: Apache-2.0
import { digestText } from "@gander/policy/content";
import type { Ack, Hello, SessionAnnouncement, Summary } from "@gander/proto/stream";
import { protocol, spokenProtocol, streamCodec, streamLimits } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";
import { bundleDelta, isEmptyDelta } from "../bundles/bundle-delta.ts";
import {
  encodeAssignments,
  encodeOffers,
  encodeToSensor,
  packMessages,
} from "../bundles/encode-version.ts";
import { podsDigest, stateDigest } from "../bundles/state-digest.ts";
import type { Bundle } from "../workloads/resolver.ts";
import { contentsOf } from "../workloads/workload.ts";
import { exceptionsIn, exceptionsOf } from "./ack-exceptions.ts";
import { checkHello } from "./check-hello.ts";
import type { KernelFactsIntake } from "./kernel-facts-intake.ts";
import { type BudgetOptions, messageBudget } from "./message-budget.ts";
import type { NodeException } from "./rollout-state.ts";

/** The stream to one sensor; after `end` nothing is sent. */
export type SensorLink = {
  send(message: Buffer): void;
  /** Ends the stream with a gRPC status and a reason for the sensor's log. */
  end(code: status, reason: string): void;
};

export type SessionDeps = {
  /** Undefined if the node is not known yet. */
  bundle(node: string): Bundle | undefined;
  /** The encoded message with a policy's content. */
  content(digest: string): Buffer | undefined;
  readonly facts: Pick<KernelFactsIntake, "ask" | "receive">;
  /** The Hello was valid. */
  live(): void;
  /** The sensor cannot start, and came to say why. */
  cannotStart(problem: string): void;
  answered(bundle: Bundle, exceptions: readonly NodeException[]): void;
  summary(summary: Summary): void;
  /** The message that must arrive in time from now on; undefined if none. */
  await(what: "hello" | "answer" | undefined): void;
  ended(): void;
  /** Milliseconds since 1970: after a restart, epochs continue from it. */
  now(): number;
  /** Monotonic milliseconds, for the budget. */
  monotonicNow(): number;
};

export type SessionOptions = {
  readonly operatorVersion?: string;
  readonly budget?: BudgetOptions;
  /** How many versions in a row a sensor may refuse as a whole before it must reconnect. */
  readonly refusals?: number;
  /** Whether the API server reports sessions to the operator. */
  readonly announcesSessions?: boolean;
};

type Sent = {
  readonly epoch: number;
  readonly nonce: string;
  readonly bundle: Bundle;
  readonly pods: string;
  readonly digest: Buffer;
};

type Step = "hello" | "live" | "ended";

const codec = streamCodec("gander.v1.FromSensor");

/**
 * The dialogue with one sensor. One version is outstanding; later changes set a mark instead of forming a
 * queue, and the next version is made from the state at that time. So a slow sensor costs one version,
 * whatever it does.
 */
export class Session {
  readonly node: string;
  readonly #deps: SessionDeps;
  readonly #link: SensorLink;
  readonly #refusalLimit: number;
  readonly #operatorVersion: string;
  readonly #mayRead: () => boolean;
  readonly #announcesSessions: boolean;
  readonly #mayAnnounce: () => boolean;
  #step: Step = "hello";
  #outstanding: Sent | undefined;
  #acked: Sent | undefined;
  /** In the answer to it. */
  #exceptions: readonly NodeException[] = [];
  #isStale = false;
  #epoch = 0;
  #nonce = 0;
  #refusals = 0;
  #kernelFacts = "";
  /** The sensor's state according to its Hello; believed until the first answer. */
  #claimed: { readonly policies: ReadonlySet<string>; readonly state: Buffer } | undefined;

  /** `node` is the one that the sensor's credentials name. */
  constructor(node: string, deps: SessionDeps, link: SensorLink, options: SessionOptions = {}) {
    const { budget = { burst: 50, perSecond: 5 }, refusals = 3, operatorVersion = "" } = options;
    this.node = node;
    this.#deps = deps;
    this.#link = link;
    this.#refusalLimit = refusals;
    this.#operatorVersion = operatorVersion;
    this.#mayRead = messageBudget(budget, deps.monotonicNow);
    this.#announcesSessions = options.announcesSessions === true;
    this.#mayAnnounce = messageBudget(announcements, deps.monotonicNow);
    deps.await("hello");
  }

  /** Digest (hex) of the KernelFacts that its Hello announced; "" if none. */
  get kernelFacts(): string {
    return this.#kernelFacts;
  }

  /** The last version has not been answered. */
  get isWaiting(): boolean {
    return this.#outstanding !== undefined;
  }

  get isLive(): boolean {
    return this.#step === "live";
  }

  /** Epoch of the last version that the sensor answered; 0: none in this stream. */
  get ackedEpoch(): number {
    return this.#acked?.epoch ?? 0;
  }

  /** Sends the node's bundle if the sensor lacks it; at once, or after the pending answer. */
  offer(): void {
    if (this.#step !== "live") return;
    if (this.#outstanding !== undefined) {
      this.#isStale = true;
      return;
    }
    this.#isStale = false;
    const bundle = this.#deps.bundle(this.node);
    if (bundle === undefined) return;
    const delta = bundleDelta(this.#acked?.bundle, bundle);
    if (this.#acked !== undefined && isEmptyDelta(delta)) {
      this.#confirm(this.#acked, bundle);
      return;
    }
    const hasSamePods = delta.putPods.length + delta.removePods.length === 0;
    const pods = this.#acked !== undefined && hasSamePods ? this.#acked.pods : podsDigest(bundle);
    const digest = stateDigest(bundle, pods);
    this.#epoch = Math.max(this.#deps.now(), this.#epoch + 1);
    const sent = { epoch: this.#epoch, nonce: String(++this.#nonce), bundle, pods, digest };
    const messages: Buffer[] = [];
    if (this.#acked !== undefined || this.#claimed?.state.equals(digest) !== true) {
      const version = { epoch: sent.epoch, baseEpoch: this.#acked?.epoch ?? 0, delta };
      messages.push(...encodeOffers(version));
      messages.push(...this.#missingContents(delta.putPolicies));
      messages.push(...encodeAssignments(delta));
    }
    const commit = { epoch: String(sent.epoch), nonce: sent.nonce, state_digest: digest };
    messages.push(encodeToSensor({ commit }));
    this.#outstanding = sent;
    this.#deps.await("answer");
    for (const message of packMessages(messages)) this.#link.send(message);
  }

  /** Asks the sensor to open Events, unless they are open. */
  openEvents(): void {
    if (this.#step === "live") this.#link.send(openEvents);
  }

  /** Tells the sensor of a requested session; returns whether it was sent. Beyond a limit they are dropped. */
  announce(announcement: SessionAnnouncement): "sent" | "dropped" | "no-sensor" {
    if (this.#step !== "live") return "no-sensor";
    if (!this.#mayAnnounce()) return "dropped";
    this.#link.send(encodeToSensor({ sessions: [announcement] }));
    return "sent";
  }

  /** Handles an encoded message. */
  receive(bytes: Uint8Array): void {
    if (this.#step === "ended") return;
    let message: ReturnType<typeof codec.decode>;
    try {
      message = codec.decode(bytes);
    } catch {
      this.end(status.INVALID_ARGUMENT, "A message is not a gander.v1.FromSensor");
      return;
    }
    const { hello, kernel_facts: part, ack, summary } = message;
    if (part !== undefined && this.#step === "live") {
      const outcome = this.#deps.facts.receive(part, this);
      if (outcome === "wrong")
        this.end(status.INVALID_ARGUMENT, "Kernel facts were not asked for, or don't fit together");
      // Requested parts have a limit of their own.
      if (outcome !== "late") return;
    }
    if (!this.#mayRead()) this.end(status.RESOURCE_EXHAUSTED, "Messages come too fast");
    else if (this.#step === "hello") this.#hello(hello);
    else if (hello !== undefined) this.end(status.FAILED_PRECONDITION, "Hello came twice");
    else if (ack !== undefined) this.#ack(ack);
    else if (summary !== undefined) this.#deps.summary(summary);
    // Else it is of a newer protocol, which allows it to be ignored.
  }

  end(code: status, reason: string): void {
    if (this.#step === "ended") return;
    this.#step = "ended";
    this.#outstanding = undefined;
    this.#acked = undefined;
    this.#deps.await(undefined);
    this.#deps.ended();
    this.#link.end(code, reason);
  }

  #hello(hello: Hello | undefined): void {
    if (hello === undefined) {
      this.end(status.FAILED_PRECONDITION, "The first message must be Hello");
      return;
    }
    const problem = checkHello(hello, this.node);
    if (problem !== undefined) {
      this.end(problem.code, problem.reason);
      return;
    }
    if (hello.start_problem !== undefined && hello.start_problem !== "") {
      this.#deps.cannotStart(hello.start_problem.slice(0, streamLimits.startProblemLength));
      this.end(status.OK, "");
      return;
    }
    const spoken = spokenProtocol(protocol, hello.protocol ?? 0) ?? protocol;
    this.#epoch = Number(hello.epoch ?? 0);
    this.#claimed = {
      // Only existing ones, so that no Hello takes more room than the policies do.
      policies: new Set(
        (hello.policies ?? [])
          .map(digestText)
          .filter((one) => this.#deps.content(one) !== undefined),
      ),
      state: Buffer.from(hello.state_digest ?? []),
    };
    this.#kernelFacts = hexOf(hello.kernel_facts ?? new Uint8Array());
    this.#step = "live";
    this.#deps.await(undefined);
    this.#deps.live();
    const welcome = {
      protocol: spoken,
      operator_version: this.#operatorVersion,
      ...(this.#kernelFacts !== "" && this.#deps.facts.ask(this.#kernelFacts, this)
        ? { send_kernel_facts: true }
        : {}),
      ...(this.#announcesSessions && { announces_sessions: true }),
    };
    this.#link.send(encodeToSensor({ welcome }));
    this.offer();
  }

  #ack(ack: Ack): void {
    const last = this.#outstanding ?? this.#acked;
    // It answers an outdated version, or one that never existed.
    if (last === undefined || ack.epoch !== String(last.epoch) || ack.nonce !== last.nonce) return;
    if (ack.refusal !== undefined || !last.digest.equals(ack.state_digest ?? new Uint8Array())) {
      this.#startOver();
      return;
    }
    const exceptions = exceptionsOf(ack, last.bundle);
    this.#outstanding = undefined;
    this.#acked = last;
    this.#exceptions = exceptions;
    this.#deps.await(undefined);
    this.#deps.answered(last.bundle, exceptions);
    if (this.#hasMissed(exceptions)) {
      this.#startOver();
      return;
    }
    this.#refusals = 0;
    this.#claimed = undefined;
    if (this.#isStale) this.offer();
  }

  /** What the sensor has answered for is wanted again, or still, by revisions that are other objects: it has these. */
  #confirm(acked: Sent, bundle: Bundle): void {
    this.#acked = { ...acked, bundle };
    this.#exceptions = exceptionsIn(bundle, this.#exceptions);
    this.#deps.answered(bundle, this.#exceptions);
  }

  /** The sensor claimed a policy, and then lacked it or had it damaged. */
  #hasMissed(exceptions: readonly NodeException[]): boolean {
    return exceptions.some(
      ({ state, revision }) =>
        state === "POLICY_STATE_REFUSED" &&
        contentsOf(revision).some((digest) => this.#claimed?.policies.has(digest) === true),
    );
  }

  /** Sends everything again, without believing what the sensor claims to have. */
  #startOver(): void {
    this.#deps.await(undefined);
    this.#outstanding = undefined;
    this.#acked = undefined;
    this.#claimed = undefined;
    this.#refusals += 1;
    if (this.#refusals < this.#refusalLimit) this.offer();
    else this.end(status.ABORTED, `${this.#refusals} versions in a row were refused`);
  }

  #missingContents(revisions: Bundle["policies"]): readonly Buffer[] {
    const there = new Set(this.#acked?.bundle.policies.flatMap(contentsOf));
    return revisions.flatMap(contentsOf).flatMap((digest) => {
      if (there.has(digest) || this.#claimed?.policies.has(digest)) return [];
      there.add(digest);
      // Without it the sensor refuses this policy, and accepts the others.
      return this.#deps.content(digest) ?? [];
    });
  }
}

/** A sensor that reads nothing must not cost more memory than this lets through until its stream ends. */
const announcements = { burst: 100, perSecond: 20 };

const openEvents = encodeToSensor({ open_events: {} });

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
