// SPDX-License-Identifier: Apache-2.0
import { digestBytes } from "@gander/policy/content";
import type {
  Commit,
  FromSensor,
  PolicyException,
  PolicyState,
  SessionAnnouncement,
  Welcome,
} from "@gander/proto/stream";
import { protocol, spokenProtocol, streamCodec, streamLimits } from "@gander/proto/stream";
import type { BundleException } from "./apply-bundle.ts";
import type { BundleKeeper, Outcome } from "./bundle-keeper.ts";
import type { KernelFactsMessage } from "./kernel-facts-message.ts";
import { type SendBudget, sendBudget } from "./send-budget.ts";
import { Summaries } from "./summaries.ts";
import { VersionIntake } from "./version-intake.ts";

export type SessionDeps = {
  readonly keeper: Pick<BundleKeeper, "held" | "commit" | "counts" | "exceptions" | "state">;
  /** The message about the kernel; undefined: none. */
  readonly facts: KernelFactsMessage | undefined;
  /** Resolves when there is room for more. */
  readonly send: (message: Uint8Array) => Promise<void>;
  /** Ends the stream with a reason: the operator violates the protocol, or is silent. */
  readonly end: (reason: string) => void;
  readonly welcomed: (welcome: Welcome) => void;
  /** A version was answered. */
  readonly answered: (outcome: Outcome) => void;
  /** The API server was asked for a session on this node. */
  readonly announced: (announcement: SessionAnnouncement) => void;
  /** A client watches events: see OpenEvents. */
  readonly openEvents: () => void;
  /** Milliseconds that never decrease. */
  readonly monotonicNow: () => number;
};

export type SessionOptions = {
  /** The Kubernetes node. */
  readonly node: string;
  readonly sensorVersion: string;
  readonly summaryMs?: number;
  /** How long a Welcome may take, or a version from its start to its Commit. */
  readonly patienceMs?: number;
};

const toSensor = streamCodec("gander.v1.ToSensor");
const fromSensor = streamCodec("gander.v1.FromSensor");

/** One stream's messages to the operator, and the handling of those from it. */
export class OperatorSession implements Disposable {
  readonly #deps: SessionDeps;
  readonly #options: Required<SessionOptions>;
  readonly #budget: SendBudget;
  readonly #summaries = new Summaries();
  #intake = new VersionIntake();
  #step: "hello" | "live" | "ended" = "hello";
  /** The last answered Commit; its answer is repeated when it changes. */
  #answered: Commit | undefined;
  #isCommitting = false;
  #announcedFacts: Uint8Array | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #summaryTimer: NodeJS.Timeout | undefined;

  constructor(deps: SessionDeps, options: SessionOptions) {
    this.#deps = deps;
    this.#options = { summaryMs: 2_000, patienceMs: 60_000, ...options };
    this.#budget = sendBudget(deps.monotonicNow);
  }

  /** Sends Hello. */
  async begin(): Promise<void> {
    const { keeper, facts } = this.#deps;
    const { node, sensorVersion } = this.#options;
    this.#announcedFacts = facts?.digest;
    this.#await("the operator did not say Welcome in time");
    const { epoch, stateDigest, digests } = await keeper.held();
    await this.#send({
      hello: {
        node,
        protocol,
        sensor_version: sensorVersion,
        ...(this.#announcedFacts && { kernel_facts: this.#announcedFacts }),
        ...(epoch > 0 && { epoch: String(epoch) }),
        ...(stateDigest !== "" && { state_digest: Buffer.from(stateDigest, "hex") }),
        policies: digests.slice(0, streamLimits.policies).map(digestBytes),
      },
    });
  }

  /** Handles an encoded message. */
  receive(bytes: Uint8Array): void {
    if (this.#step === "ended") return;
    let message: ReturnType<typeof toSensor.decode>;
    try {
      message = toSensor.decode(bytes);
    } catch {
      this.#end("a message is not a gander.v1.ToSensor");
      return;
    }
    if (message.welcome !== undefined) this.#welcome(message.welcome);
    else if (this.#step === "hello") this.#end("the operator began without a Welcome");
    if (this.#step !== "live") return;
    if (message.open_events !== undefined) this.#deps.openEvents();
    for (const announcement of message.sessions ?? []) this.#deps.announced(announcement);
    this.#intake.add(message, bytes.length);
    if (message.commit !== undefined) this.#commit(message.commit);
    else if (this.#intake.isBegun && this.#deadline === undefined)
      this.#await("a version was begun and not committed in time");
  }

  /** The state in force differs from the last answer: sends the answer again. */
  changed(): void {
    const { exceptions, state } = this.#deps.keeper;
    const last = this.#answered;
    if (this.#step !== "live" || this.#isCommitting || last?.epoch !== String(state.epoch)) return;
    void this.#answer(last, { exceptions });
  }

  [Symbol.dispose](): void {
    this.#step = "ended";
    clearTimeout(this.#deadline);
    clearTimeout(this.#summaryTimer);
  }

  #welcome(welcome: Welcome): void {
    const { protocol: theirs = 0, send_kernel_facts: wantsFacts = false } = welcome;
    if (this.#step !== "hello") {
      this.#end("Welcome came twice");
      return;
    }
    if (spokenProtocol(protocol, theirs) !== theirs) {
      this.#end(`the operator wants to speak protocol ${theirs}, this sensor has ${protocol}`);
      return;
    }
    this.#step = "live";
    this.#calm();
    this.#deps.welcomed(welcome);
    if (wantsFacts) void this.#sendFacts();
  }

  #commit(commit: Commit): void {
    if (this.#isCommitting) {
      this.#end("a version came before the one before it was answered");
      return;
    }
    this.#isCommitting = true;
    this.#calm();
    const intake = this.#intake;
    this.#intake = new VersionIntake();
    const work = async () => {
      const outcome = await this.#deps.keeper.commit(intake, commit);
      this.#isCommitting = false;
      await this.#answer(commit, outcome);
    };
    void work();
  }

  async #answer(commit: Commit, outcome: Outcome): Promise<void> {
    // Answers are never dropped: the next version is sent only after one.
    while (!this.#budget.tryTake()) await pause(this.#budget.waitMs());
    if (this.#step !== "live") return;
    const { refusal } = outcome;
    // A fuse may have blown while the answer had to wait.
    const { exceptions } = this.#deps.keeper;
    this.#answered = refusal === undefined ? commit : undefined;
    const { epoch, nonce, state_digest } = commit;
    await this.#send({
      ack: {
        ...{ epoch, nonce, state_digest },
        ...(refusal === undefined
          ? { exceptions: exceptions.map(exceptionOf) }
          : { refusal: { reason: cut(refusal) } }),
      },
    });
    this.#deps.answered(outcome);
    if (refusal === undefined && this.#summaryTimer === undefined) this.#summarize();
  }

  /** Now, and again after each interval. */
  #summarize(): void {
    if (this.#step !== "live") return;
    // Answers go first: with little room left, this waits for the next interval.
    if (this.#budget.has(leftForAnswers))
      for (const summary of this.#summaries.next(this.#deps.keeper.counts())) {
        this.#budget.tryTake();
        void this.#send({ summary });
      }
    this.#summaryTimer = setTimeout(() => this.#summarize(), this.#options.summaryMs);
  }

  async #sendFacts(): Promise<void> {
    const { facts } = this.#deps;
    const digest = this.#announcedFacts;
    const bytes = await facts?.encoded().catch(() => undefined);
    if (facts === undefined || digest === undefined || bytes === undefined) return;
    // Kept from an earlier start, and outdated. The next stream announces the new digest.
    if (!Buffer.from(digest).equals(facts.digest)) {
      this.#end("the kernel is not as it was announced");
      return;
    }
    const size = streamLimits.kernelFactsPartBytes;
    for (let offset = 0; offset < bytes.length && this.#step === "live"; offset += size) {
      const data = bytes.subarray(offset, offset + size);
      await this.#send({ kernel_facts: { digest, offset, total: bytes.length, data } });
    }
  }

  #send(message: FromSensor): Promise<void> {
    return this.#step === "ended" ? Promise.resolve() : this.#deps.send(fromSensor.encode(message));
  }

  #await(reason: string): void {
    this.#calm();
    this.#deadline = setTimeout(() => this.#end(reason), this.#options.patienceMs);
  }

  #calm(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #end(reason: string): void {
    if (this.#step === "ended") return;
    this[Symbol.dispose]();
    this.#deps.end(reason);
  }
}

const leftForAnswers = 10;

const states: Readonly<Record<BundleException["state"], PolicyState>> = {
  failed: "POLICY_STATE_FAILED",
  unsupported: "POLICY_STATE_UNSUPPORTED",
  degraded: "POLICY_STATE_DEGRADED",
  refused: "POLICY_STATE_REFUSED",
};

function exceptionOf(exception: BundleException): PolicyException {
  const { uid, state, code, message, runningGeneration } = exception;
  return {
    ...{ uid, code, state: states[state], message: cut(message) },
    ...(runningGeneration > 0 && { running_generation: String(runningGeneration) }),
  };
}

/** The longest start of whole characters that the protocol allows. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= streamLimits.reasonBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, streamLimits.reasonBytes), { stream: true });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
