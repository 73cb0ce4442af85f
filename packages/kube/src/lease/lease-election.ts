// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { KubeClient } from "../client/client.ts";
import { KubeError } from "../client/kube-error.ts";
import type { WritePermit } from "../client/write-permit.ts";
import { microTime } from "../clock/micro-time.ts";
import { createMonotonicClock, type MonotonicClock } from "../clock/monotonic-clock.ts";
import { wait } from "../clock/wait.ts";
import { createLeasePermit, type LeasePermit } from "./lease-permit.ts";
import {
  createLeaseAccess,
  type LeaseAccess,
  type LeaseContent,
  type LeaseLimits,
  type LeaseRecord,
} from "./lease-record.ts";

type ElectionDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly clock?: MonotonicClock;
};

type ElectionOptions = {
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process, not shared even with its predecessor; others locate the holder by it. */
  readonly identity: string;
  /** Others wait this long, on their own clocks, after the last renewal they saw; 15,000 if absent. */
  readonly leaseMs?: number;
  /** The holder stops writing this long after it *sent* its last successful renewal; 10,000 if absent. */
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
  readonly random?: () => number;
  /** A term begins; it lasts until `permit.signal` aborts. */
  readonly onElected?: (permit: WritePermit) => void;
  /** Another replica (empty: none) holds the Lease now. */
  readonly onHolder?: (identity: string) => void;
};

type ElectionState = {
  readonly isLeader: boolean;
  /** As last seen; empty if there is none or it is unknown. */
  readonly holder: string;
  /** Of the current or last term of this process; 0 if there was none. */
  readonly term: number;
  /** How many terms this process has lost. */
  readonly losses: number;
  readonly lastError: KubeError | undefined;
};

export type Election = {
  /**
   * Stands for election until `signal` aborts, then releases the Lease once no write is in progress. Drain
   * the writing tasks before aborting.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** The permission to write, if this process has it now. */
  permit(): WritePermit | undefined;
  state(): ElectionState;
};

/**
 * Elects one of several replicas through a `coordination.k8s.io/v1` Lease. Safe as long as clocks run at
 * about the same rate: the holder's permission ends `renewDeadlineMs` after it sent a successful renewal;
 * others take over at the earliest `leaseMs` after they saw one. A write has the time between to reach the
 * server. Wall clocks are irrelevant.
 */
export function createElection(deps: ElectionDeps, options: ElectionOptions): Election {
  const { leaseMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = options;
  if (!(retryMs < renewDeadlineMs && renewDeadlineMs < leaseMs)) {
    throw new TypeError(
      "Cannot make an election: it needs retryMs < renewDeadlineMs < leaseMs for its safety",
    );
  }
  return new LeaseElection({
    ...options,
    leaseMs,
    renewDeadlineMs,
    retryMs,
    random: options.random ?? Math.random,
    clock: deps.clock ?? createMonotonicClock(),
    logger: deps.logger.with({ lease: `${options.namespace}/${options.name}` }),
    access: createLeaseAccess(deps.client, options),
  });
}

type ElectionParts = Required<
  Pick<ElectionOptions, "identity" | "leaseMs" | "renewDeadlineMs" | "retryMs" | "random">
> &
  Pick<ElectionOptions, "onElected" | "onHolder"> & {
    readonly clock: MonotonicClock;
    readonly logger: Logger;
    readonly access: LeaseAccess;
  };

class LeaseElection implements Election {
  readonly #parts: ElectionParts;
  /** The record as last seen, and since when it has been unchanged on this process's clock. */
  #seen: { readonly record: LeaseRecord; readonly sinceMs: number } | undefined;
  #lease: LeasePermit | undefined;
  #term = 0;
  #losses = 0;
  #lastError: KubeError | undefined;

  constructor(parts: ElectionParts) {
    this.#parts = parts;
  }

  permit(): WritePermit | undefined {
    return this.#lease?.holds() ? this.#lease.permit : undefined;
  }

  state(): ElectionState {
    return {
      isLeader: this.permit() !== undefined,
      holder: this.#seen?.record.holder ?? "",
      term: this.#term,
      losses: this.#losses,
      lastError: this.#lastError,
    };
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { retryMs, random } = this.#parts;
    while (!signal.aborted) {
      await this.#attempt(signal);
      // Jitter: replicas that started together must not ask together forever.
      await wait(retryMs * (0.8 + random() * 0.4), { signal });
    }
    await this.#giveBack();
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    try {
      const lease = this.#lease;
      if (lease?.holds()) await this.#renew(lease, signal);
      else await this.#acquire(signal);
      this.#lastError = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof KubeError)) throw error;
      if (error.code === "kube-not-found") this.#lease?.revoke("somebody deleted it");
      const isNew = this.#lastError?.code !== error.code;
      this.#lastError = error;
      // If two replicas ask at the same time, one gets this; it is no fault.
      const level = isNew && error.code !== "kube-conflict" ? "warn" : "debug";
      this.#parts.logger[level]("The Lease cannot be read or renewed", { error });
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    const { access, clock, renewDeadlineMs } = this.#parts;
    const limits = { signal, timeoutMs: renewDeadlineMs / 2 };
    let found: LeaseRecord;
    try {
      found = await access.read(limits);
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== "kube-not-found") throw error;
      const last = this.#seen?.record;
      // It was deleted. Its holder may write until it renews, which creates the Lease again.
      if (last !== undefined && !this.#isFree(last)) return;
      const sentAtMs = clock();
      const content = this.#content((last?.transitions ?? 0) + 1);
      this.#begin(await access.create(content, limits), sentAtMs);
      return;
    }
    this.#see(found);
    if (!this.#isFree(found)) return;
    const sentAtMs = clock();
    const { resourceVersion } = found;
    const content = this.#content(found.transitions + 1);
    this.#begin(await access.replace({ ...content, resourceVersion }, limits), sentAtMs);
  }

  async #renew(lease: LeasePermit, signal: AbortSignal): Promise<void> {
    const { clock, leaseMs: durationMs, renewDeadlineMs } = this.#parts;
    // A hanging request must leave time for a second one.
    const limits = { signal, timeoutMs: renewDeadlineMs / 2 };
    let sentAtMs = clock();
    let isOurs = await this.#replaceSeen({ durationMs }, limits);
    if (!isOurs && (await this.#stillOurs(lease, limits))) {
      sentAtMs = clock();
      isOurs = await this.#replaceSeen({ durationMs }, limits);
    }
    if (isOurs) lease.extend(sentAtMs + renewDeadlineMs);
  }

  /** Writes the last seen Lease with `changes`; false if it has changed since. */
  async #replaceSeen(changes: Partial<LeaseContent>, limits: LeaseLimits): Promise<boolean> {
    const seen = this.#seen?.record;
    if (seen === undefined) return false;
    try {
      this.#see(await this.#parts.access.replace({ ...seen, ...changes }, limits));
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.code === "kube-conflict") return false;
      throw error;
    }
  }

  /** The Lease was changed: by a new holder, or by our own write whose answer was lost. */
  async #stillOurs(lease: LeasePermit, limits: LeaseLimits): Promise<boolean> {
    const found = await this.#parts.access.read(limits);
    this.#see(found);
    const { holder, transitions } = found;
    if (holder === this.#parts.identity && transitions === lease.permit.term) return true;
    lease.revoke(`"${holder}" holds it now`);
    return false;
  }

  #begin(record: LeaseRecord, sentAtMs: number): void {
    const { clock, renewDeadlineMs, logger } = this.#parts;
    this.#see(record);
    const term = record.transitions;
    const lease = createLeasePermit({
      term,
      clock,
      deadlineMs: sentAtMs + renewDeadlineMs,
      onEnd: (why) => {
        if (this.#lease !== lease) return;
        this.#lease = undefined;
        this.#losses++;
        logger.warn("The Lease is lost; nothing is written any more", { why, term });
      },
    });
    this.#term = term;
    this.#lease = lease;
    // If the answer arrived after the deadline, no term begins.
    if (!lease.holds()) return;
    logger.info("The Lease is held", { term });
    this.#parts.onElected?.(lease.permit);
  }

  #see(record: LeaseRecord): void {
    const before = this.#seen?.record;
    if (before?.resourceVersion !== record.resourceVersion) {
      this.#seen = { record, sinceMs: this.#parts.clock() };
    }
    if (before?.holder !== record.holder) this.#parts.onHolder?.(record.holder);
  }

  /** It has no holder, is left over from an attempt of this process, or has expired without renewal. */
  #isFree({ holder, durationMs }: LeaseRecord): boolean {
    const { identity, clock, leaseMs } = this.#parts;
    if (holder === "" || holder === identity) return true;
    // Each side uses its own settings; the longer time is safe for both.
    const unchangedMs = clock() - (this.#seen?.sinceMs ?? clock());
    return unchangedMs >= Math.max(durationMs, leaseMs);
  }

  #content(transitions: number) {
    const { identity: holder, leaseMs: durationMs } = this.#parts;
    return { holder, durationMs, transitions, acquireTime: microTime() };
  }

  async #giveBack(): Promise<void> {
    const { retryMs, logger } = this.#parts;
    const lease = this.#lease;
    if (lease === undefined || !lease.holds()) return;
    lease.close();
    // The deadline aborts the remaining writes; then the Lease can only expire.
    const cutOff = Promise.withResolvers<void>();
    lease.permit.signal.addEventListener("abort", () => cutOff.resolve());
    await Promise.race([lease.whenIdle(), cutOff.promise]);
    if (!lease.holds()) return;
    this.#lease = undefined;
    lease.revoke("it was given back");
    try {
      // Other implementations write a duration of 1 s for a free Lease.
      const free = { holder: "", durationMs: 1000 };
      const limits = { timeoutMs: retryMs };
      const isDone =
        (await this.#replaceSeen(free, limits)) ||
        ((await this.#stillOurs(lease, limits)) && (await this.#replaceSeen(free, limits)));
      if (isDone) logger.info("The Lease is given back", { term: lease.permit.term });
    } catch (error) {
      logger.warn("The Lease cannot be given back; it will run out", { error });
    }
  }
}
