// SPDX-License-Identifier: Apache-2.0
import { digestBytes } from "@gander/policy/content";
import type {
  Commit,
  FromSensor,
  PolicyException,
  PolicyState,
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
  /** What the operator is told of the kernel; undefined: nothing. */
  readonly facts: KernelFactsMessage | undefined;
  /** Resolves when there is room for more. */
  readonly send: (message: Uint8Array) => Promise<void>;
  /** Ends the stream, and says why: the operator doesn't do what the protocol says, or nothing. */
  readonly end: (reason: string) => void;
  readonly welcomed: (welcome: Welcome) => void;
  /** A version was answered. */
  readonly answered: (outcome: Outcome) => void;
  /** Somebody watches events: see OpenEvents. */
  readonly openEvents: () => void;
  /** Milliseconds that never go back. */
  readonly monotonicNow: () => number;
};

export type SessionOptions = {
  /** The Kubernetes node. */
  readonly node: string;
  readonly sensorVersion: string;
  readonly summaryMs?: number;
  /** So long a Welcome may take, and a version from its beginning to its Commit. */
  readonly patienceMs?: number;
};

const toSensor = streamCodec("gander.v1.ToSensor");
const fromSensor = streamCodec("gander.v1.FromSensor");

/** What is said to the operator in one stream, and what is done with what it says. */
export class OperatorSession implements Disposable {
  readonly #deps: SessionDeps;
  readonly #options: Required<SessionOptions>;
  readonly #budget: SendBudget;
  readonly #summaries = new Summaries();
  #intake = new VersionIntake();
  #step: "hello" | "live" | "ended" = "hello";
  /** The Commit whose answer was the last, to be repeated if the answer changes. */
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

  /** Says Hello. */
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

  /** A message as it came. */
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
    this.#intake.add(message, bytes.length);
    if (message.commit !== undefined) this.#commit(message.commit);
    else if (this.#intake.isBegun && this.#deadline === undefined)
      this.#await("a version was begun and not committed in time");
  }

  /** What is in force is other than was said: says it again. */
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
    // An answer is never left out: the next version comes after it.
    while (!this.#budget.tryTake()) await pause(this.#budget.waitMs());
    if (this.#step !== "live") return;
    const { refusal, exceptions } = outcome;
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

  /** Now, and again when it is time. */
  #summarize(): void {
    if (this.#step !== "live") return;
    // Answers go first: with little room left it waits for the next time.
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
    // Kept from an earlier start, and no more true. Announced anew in the next stream.
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

/** The longest beginning of whole characters that the protocol has room for. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= streamLimits.reasonBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, streamLimits.reasonBytes), { stream: true });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
