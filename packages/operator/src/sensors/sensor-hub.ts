// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { PolicyContents } from "../bundles/policy-contents.ts";
import type { Bundle, Resolver } from "../workloads/resolver.ts";
import { KernelFactsIntake } from "./kernel-facts-intake.ts";
import { PolicyTotals } from "./policy-totals.ts";
import { RolloutState } from "./rollout-state.ts";
import { type SensorLink, Session, type SessionDeps, type SessionOptions } from "./session.ts";
import { StartProblems } from "./start-problems.ts";

type SensorHubDeps = {
  readonly resolver: Pick<Resolver, "bundle">;
  readonly contents: Pick<PolicyContents, "message">;
  /** Milliseconds since 1970; Date.now if absent. */
  readonly now?: () => number;
  /** Monotonic milliseconds; performance.now if absent. */
  readonly monotonicNow?: () => number;
  /** For metrics: a version was sent to a sensor, and the sensor answered after `ms`, with any result. */
  readonly observe?: { sent(): void; answered(ms: number): void };
};

export type SensorHubOptions = SessionOptions & {
  /** Time limits for a sensor to say Hello, and to answer a version. */
  readonly helloTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
};

/** How many sensors get their version in one turn of the event loop. */
const sessionsInATurn = 250;

/** All sensors connected here, by node, and their reports. */
export class SensorHub {
  readonly rollout: RolloutState = new RolloutState(({ uid }) => this.#tell(uid));
  readonly totals: PolicyTotals = new PolicyTotals();
  readonly facts: KernelFactsIntake;
  readonly startProblems: StartProblems;
  readonly #deps: Required<Omit<SensorHubDeps, "observe">>;
  readonly #observe: SensorHubDeps["observe"];
  readonly #options: SensorHubOptions;
  readonly #live = new Map<string, Session>();
  readonly #open = new Set<Session>();
  readonly #due = new Set<string>();
  readonly #listeners = new Set<{ readonly call: (uid?: string) => void }>();
  #pushing: Promise<void> | undefined;
  /** Time of the changes that are being pushed. */
  #pushedAt: number | undefined;

  constructor(deps: SensorHubDeps, options: SensorHubOptions = {}) {
    const { now = Date.now, monotonicNow = () => performance.now() } = deps;
    this.#observe = deps.observe;
    this.#deps = { ...deps, now, monotonicNow };
    this.startProblems = new StartProblems(monotonicNow);
    this.facts = new KernelFactsIntake(monotonicNow, {
      isUsed: (digest) => this.#live.values().some(({ kernelFacts }) => kernelFacts === digest),
    });
    this.#options = options;
  }

  /** Current streams, including those without a Hello. */
  get streams(): number {
    return this.#open.size;
  }

  /** Nodes whose sensor said a valid Hello and is still connected. */
  get nodes(): readonly string[] {
    return [...this.#live.keys()];
  }

  /** The number of these nodes. */
  get connected(): number {
    return this.#live.size;
  }

  session(node: string): Session | undefined {
    return this.#live.get(node);
  }

  /** A policy's answers or, without a UID, the connected sensors changed. Called often; it must not throw. */
  onChange(call: (uid?: string) => void): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** A stream whose sensor has the credentials of `node`. */
  open(node: string, link: SensorLink): Session {
    const { helloTimeoutMs = 10_000, answerTimeoutMs = 60_000 } = this.#options;
    const deadlines = {
      hello: [helloTimeoutMs, "No Hello came in time"],
      answer: [answerTimeoutMs, "A version was not answered in time"],
    } as const;
    let timer: NodeJS.Timeout | undefined;
    const answers = this.#answerTimes(() => session);
    const session: Session = new Session(
      node,
      {
        ...this.#sessionDeps(node, () => session),
        await: (what) => {
          clearTimeout(timer);
          answers(what === "answer");
          if (what === undefined) return;
          const [ms, reason] = deadlines[what];
          timer = setTimeout(() => session.end(status.DEADLINE_EXCEEDED, reason), ms);
        },
      },
      link,
      this.#options,
    );
    this.#open.add(session);
    return session;
  }

  /** Bundles of these nodes changed. Works in batches; resolves when all have been offered theirs. */
  push(nodes: Iterable<string>): Promise<void> {
    for (const node of nodes) if (this.#live.has(node)) this.#due.add(node);
    this.#pushing ??= this.#pushDue().finally(() => {
      this.#pushing = undefined;
      this.#pushedAt = undefined;
    });
    return this.#pushing;
  }

  /** Measures the time from each request to one sensor to its answer. */
  #answerTimes(session: () => Session) {
    let askedMs: number | undefined;
    return (isAsked: boolean) => {
      if (this.#observe === undefined) return;
      const nowMs = this.#deps.monotonicNow();
      // The end of a stream is no answer.
      if (askedMs !== undefined && session().isLive) this.#observe.answered(nowMs - askedMs);
      askedMs = isAsked ? nowMs : undefined;
      if (isAsked) this.#observe.sent();
    };
  }

  close(): void {
    for (const session of [...this.#open])
      session.end(status.UNAVAILABLE, "This replica of the operator is going away");
  }

  async #pushDue(): Promise<void> {
    // One epoch for all: then most of them are sent the same bytes.
    this.#pushedAt = this.#deps.now();
    while (this.#due.size > 0) {
      let left = sessionsInATurn;
      for (const node of this.#due) {
        this.#due.delete(node);
        this.#live.get(node)?.offer();
        if (--left === 0) break;
      }
      await turn();
    }
  }

  #sessionDeps(node: string, self: () => Session): Omit<SessionDeps, "await"> {
    const { resolver, contents, now, monotonicNow } = this.#deps;
    let policies: Bundle["policies"] = [];
    let uids: ReadonlySet<string> = new Set();
    const isKnown = (uid: string) => uids.has(uid);
    return {
      bundle: (name) => resolver.bundle(name),
      content: (digest) => contents.message(digest),
      facts: this.facts,
      live: () => {
        this.#live.get(node)?.end(status.ABORTED, "The node's sensor opened another stream");
        this.#live.set(node, self());
        this.startProblems.forget(node);
        this.#tell();
      },
      cannotStart: (problem) => {
        this.startProblems.add(node, problem);
        this.#tell();
      },
      answered: (bundle, exceptions) => {
        this.rollout.answered(node, { policies: bundle.policies, exceptions });
        if (bundle.policies === policies) return;
        policies = bundle.policies;
        uids = new Set(policies.map(({ uid }) => uid));
        this.totals.keep(node, isKnown);
      },
      summary: (summary) => this.totals.add(node, summary, isKnown),
      ended: () => this.#forget(node, self()),
      now: () => this.#pushedAt ?? now(),
      monotonicNow,
    };
  }

  #forget(node: string, session: Session): void {
    this.#open.delete(session);
    this.facts.gone(session);
    if (this.#live.get(node) !== session) return;
    this.#live.delete(node);
    this.rollout.gone(node);
    this.totals.gone(node);
    this.#tell();
  }

  #tell(uid?: string): void {
    for (const { call } of this.#listeners) call(uid);
  }
}
