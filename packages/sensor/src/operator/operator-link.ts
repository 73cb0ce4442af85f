// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@gander/base";
import { connectPath, eventsPath } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";
import type { EventPipeline } from "../pipeline/event-pipeline.ts";
import type { BundleKeeper } from "./bundle-keeper.ts";
import type { KernelFactsMessage } from "./kernel-facts-message.ts";
import { type AuthoritySource, type OperatorAccess, readCredentials } from "./operator-access.ts";
import {
  type OperatorChannel,
  openChannel,
  operatorStream,
  type StreamEnd,
} from "./operator-channel.ts";
import type { OperatorEvents } from "./operator-events.ts";
import { OperatorSession, type SessionOptions } from "./operator-session.ts";
import type { OperatorStatus } from "./operator-status.ts";
import { NotYetError } from "./published-authorities.ts";
import { retryDelays } from "./retry-delays.ts";

type OperatorLinkDeps = {
  readonly keeper: BundleKeeper;
  /** Read in parallel with everything else; a rejection is logged and delays nothing. */
  readonly facts: () => Promise<KernelFactsMessage>;
  readonly logger: Logger;
  /** Finds the processes of announced sessions. */
  readonly sessions?: Pick<EventPipeline["sessions"], "announce" | "listen">;
  /** Serves clients that watch through the operator. */
  readonly relay?: Pick<OperatorEvents, "open">;
  readonly random?: () => number;
};

type OperatorLinkOptions = SessionOptions & {
  readonly access: OperatorAccess;
  /** Bounds of the time between retries: of the first, and of all. */
  readonly firstRetryMs?: number;
  readonly mostRetryMs?: number;
  /** The longest wait after a replica that served well has gone. */
  readonly moveMs?: number;
};

export type OperatorLink = AsyncDisposable & { status(): OperatorStatus };

/**
 * A new operator should have all sensors within ten seconds. For 5,000 of them that is 1,250 connections per
 * second on average while it is away, which nothing listens to, and handshakes spread over as long when it is back.
 */
const mostMs = 8_000;

/** A stream that lasted this long was good: the next retry is again a first one. */
const goodMs = 10_000;

/**
 * Keeps a stream to the operator open while the sensor runs. Without one, policies in force stay. Logs each
 * change of that, and each new reason.
 */
export function startOperatorLink(
  deps: OperatorLinkDeps,
  options: OperatorLinkOptions,
): OperatorLink {
  const link = new Link(deps, options);
  return {
    status: () => link.status(),
    [Symbol.asyncDispose]: () => link.stop(),
  };
}

class Link {
  readonly #deps: OperatorLinkDeps;
  readonly #options: OperatorLinkOptions;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #facts: KernelFactsMessage | undefined;
  #connected: { readonly peer: string } | undefined;
  #since = Date.now();
  #lastError = "";
  #authorities: AuthoritySource = "file";
  /** Reasons logged since the last connection. */
  readonly #told = new Set<string>();
  #session: OperatorSession | undefined;
  #comeAgain: (() => void) | undefined;

  constructor(deps: OperatorLinkDeps, options: OperatorLinkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#logger = deps.logger.with({ operator: options.access.address.text });
    deps.keeper.onChange(() => this.#session?.changed());
    this.#running = this.#run();
  }

  status(): OperatorStatus {
    const { keeper } = this.#deps;
    const { epoch, policies, pods } = keeper.state;
    return {
      address: this.#options.access.address.text,
      connected: this.#connected !== undefined,
      peer: this.#connected?.peer ?? "",
      since: this.#since,
      lastError: this.#lastError,
      epoch,
      source: keeper.source,
      policies: policies.size,
      pods: pods.size,
      exceptions: keeper.exceptions.length,
      storeProblem: keeper.storeProblem,
    };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { access, firstRetryMs = 1_000, mostRetryMs = mostMs, moveMs = 1_000 } = this.#options;
    const { random = Math.random } = this.#deps;
    const { signal } = this.#stop;
    const isPlain = access.caFile === undefined && access.published === undefined;
    if (isPlain && !access.address.isLocal)
      this.#logger.warn(
        "The connection to the operator is not encrypted: whoever is in between can take the token and change policies",
        { hint: "Give --operator-ca instead of --operator-insecure" },
      );
    void this.#readFacts();
    const delays = retryDelays({
      firstMs: firstRetryMs,
      mostMs: mostRetryMs,
      jitter: "full",
      random,
    });
    while (!signal.aborted) {
      const { reason, goodFor } = await this.#connect(signal);
      if (signal.aborted) return;
      // Ended by this side, to reconnect with more to send.
      if (reason === undefined) continue;
      this.#disconnected(reason);
      const wasGood = goodFor >= goodMs;
      if (wasGood) delays.reset();
      // When a replica goes, another takes over; but not all sensors reconnect at once.
      const delayMs = wasGood ? random() * moveMs : delays.next();
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the stream ends; `goodFor` is how long it served, in ms. */
  async #connect(
    signal: AbortSignal,
  ): Promise<{ readonly reason: Reason | undefined; readonly goodFor: number }> {
    const { access } = this.#options;
    let channel: OperatorChannel;
    try {
      channel = openChannel(access, await readCredentials(access, this.#authorities));
    } catch (error) {
      this.#authorities = "file";
      return { reason: localReason(error), goodFor: 0 };
    }
    using _ = channel;
    let welcomedAt: number | undefined;
    let ourReason: string | undefined;
    let comesAgain = false;
    const stream = operatorStream(channel.call(connectPath), (message) => session.receive(message));
    using session = new OperatorSession(
      {
        keeper: this.#deps.keeper,
        facts: this.#facts,
        send: (message) => stream.send(message),
        end: (reason) => {
          ourReason = reason;
          stream.cancel();
        },
        announced: (announcement) => this.#deps.sessions?.announce(announcement),
        welcomed: ({ operator_version: version = "", protocol, announces_sessions }) => {
          welcomedAt = performance.now();
          if (announces_sessions === true) this.#deps.sessions?.listen("listening");
          this.#welcomed(stream.peer(), { version, protocol });
        },
        answered: ({ refusal }) => {
          if (refusal !== undefined)
            this.#logger.warn("A version of the operator was refused", { reason: refusal });
        },
        openEvents: () => this.#deps.relay?.open(() => channel.call(eventsPath)),
        monotonicNow: () => performance.now(),
      },
      this.#options,
    );
    this.#session = session;
    if (this.#facts === undefined)
      this.#comeAgain = () => {
        comesAgain = true;
        stream.cancel();
      };
    const cancel = () => stream.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    else await session.begin();
    const end = await stream.ended;
    this.#deps.sessions?.listen("deaf");
    signal.removeEventListener("abort", cancel);
    this.#session = undefined;
    this.#comeAgain = undefined;
    // The mounted file may be of an operator that was removed; the next try asks, the one after it reads again.
    const isDistrusted = isTlsFailure(end) && this.#authorities === "file";
    this.#authorities = isDistrusted ? "published" : "file";
    const goodFor = welcomedAt === undefined ? 0 : performance.now() - welcomedAt;
    const reason = ourReason === undefined ? reasonOf(end) : { text: ourReason, hint: "" };
    return { reason: comesAgain ? undefined : reason, goodFor };
  }

  /** Policies don't wait for it: a stream already open is restarted. */
  async #readFacts(): Promise<void> {
    try {
      this.#facts = await this.#deps.facts();
      this.#comeAgain?.();
    } catch (error) {
      this.#logger.warn("The facts about this kernel cannot be read for the operator", { error });
    }
  }

  #welcomed(
    peer: string,
    facts: { readonly version: string; readonly protocol?: number | undefined },
  ): void {
    const isNew = this.#connected === undefined;
    this.#connected = { peer };
    if (!isNew) return;
    this.#since = Date.now();
    this.#told.clear();
    this.#logger.info("Connected to the operator", { peer, ...facts });
  }

  #disconnected({ text, hint }: Reason): void {
    const wasConnected = this.#connected !== undefined;
    if (wasConnected) this.#since = Date.now();
    this.#connected = undefined;
    this.#lastError = text;
    if (this.#told.has(text) && !wasConnected) return;
    // A few alternating reasons are logged once each.
    if (this.#told.size >= 8) this.#told.clear();
    this.#told.add(text);
    const message = wasConnected
      ? "The connection to the operator ended; what is in force stays"
      : "The operator cannot be reached; what is in force stays";
    if (hint === "") this.#logger.warn(message, { reason: text });
    else this.#logger.error(message, { reason: text, hint });
  }
}

type Reason = { readonly text: string; readonly hint: string };

function localReason(error: unknown): Reason {
  return {
    text: error instanceof Error ? error.message : String(error),
    hint:
      error instanceof NotYetError
        ? ""
        : "Mount the file, or correct the flag; it is read again at each try",
  };
}

function reasonOf(end: StreamEnd): Reason {
  const { code, details } = end;
  const text = `${status[code] ?? code}: ${details}`.slice(0, 500);
  return { text, hint: (isTlsFailure(end) ? tlsHint : hints[code]) ?? "" };
}

const isTlsFailure = ({ code, details }: StreamEnd): boolean =>
  code === status.UNAVAILABLE && /certificate|altname|\bSSL\b/i.test(details);

const tlsHint =
  "--operator-ca must hold the authority that signed the operator's certificate, and the certificate must be for the address or --operator-server-name";

/** Hints for administrators; the other errors pass by themselves. */
const hints: Readonly<Partial<Record<number, string>>> = {
  [status.UNAUTHENTICATED]:
    "--operator-token must be a projected service account token of the sensor's service account, with the audience gander-operator, and not expired",
  [status.PERMISSION_DENIED]:
    "The token is of another node than this sensor speaks for: --node-name (or NODE_NAME) must be the name of the Kubernetes node that its pod runs on",
  [status.FAILED_PRECONDITION]:
    "Sensor and operator may be one minor release apart: upgrade the older",
  [status.UNIMPLEMENTED]: "What listens there is no operator of Gander: check --operator",
};
