// SPDX-License-Identifier: Apache-2.0
import { backOffMs } from "./clock/back-off.ts";

/** Brings what a key names into its desired state. Throwing requests a retry. */
export type Handler = (
  key: string,
  context: {
    /** Aborts when the queue stops. */
    readonly signal: AbortSignal;
    /** Consecutive failures of this key so far. */
    readonly failures: number;
  },
) => Promise<undefined | Again> | Promise<void>;

/** Returned by a successful handler to be called again, e.g. after a deadline. */
export type Again = { readonly againAfterMs: number };

export type WorkQueueOptions = {
  /** Keys handled concurrently, never the same one twice; 4 if absent. */
  readonly concurrency?: number;
  readonly backOffBaseMs?: number;
  readonly backOffMaxMs?: number;
  readonly random?: () => number;
  /** A handler threw; the key is retried after `delayMs`. */
  readonly onFailure?: (failure: Failure) => void;
};

export type Failure = {
  readonly key: string;
  readonly error: unknown;
  readonly failures: number;
  readonly delayMs: number;
};

type WorkQueueCounters = {
  readonly queued: number;
  readonly running: number;
  /** Keys with a delay: after a failure, or on request. */
  readonly delayed: number;
  readonly added: number;
  /** Additions of an already queued key. */
  readonly merged: number;
  readonly handled: number;
  readonly failed: number;
  /** How long the last taken key had been queued. */
  readonly waitedMs: number;
};

const longestTimeoutMs = 2 ** 31 - 1;

/**
 * A queue of keys, each at most once: so the number of objects bounds it, and a burst of changes to one
 * object is one piece of work. A key added while it is being handled is handled once more afterwards,
 * never concurrently.
 */
export class WorkQueue {
  readonly #handle: Handler;
  readonly #options: Required<Omit<WorkQueueOptions, "onFailure" | "random">> & WorkQueueOptions;
  /** When each was queued, in order. */
  readonly #queued = new Map<string, number>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly dueMs: number }>();
  readonly #failures = new Map<string, number>();
  readonly #counts = { added: 0, merged: 0, handled: 0, failed: 0, waitedMs: 0 };
  /** Continues at its position: from the start, a Map would search through its deleted entries. */
  #next = this.#queued.entries();
  #signal: AbortSignal | undefined;
  #pumping = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(handle: Handler, options: WorkQueueOptions = {}) {
    this.#handle = handle;
    this.#options = { concurrency: 4, backOffBaseMs: 100, backOffMaxMs: 60_000, ...options };
  }

  /** Handled as soon as there is room; before `run`, the key is only stored. */
  add(key: string): void {
    this.#counts.added++;
    if (this.#running.has(key)) {
      if (this.#again.has(key)) this.#counts.merged++;
      this.#again.add(key);
      return;
    }
    if (this.#queued.has(key)) {
      this.#counts.merged++;
      return;
    }
    this.#queued.set(key, performance.now());
    this.#pump();
  }

  /** Adds the key after the delay; with several delays, the earliest applies. */
  addAfter(key: string, delayMs: number): void {
    const boundedMs = Math.min(Math.max(delayMs, 0), longestTimeoutMs);
    const dueMs = performance.now() + boundedMs;
    const waiting = this.#timers.get(key);
    if (waiting !== undefined && waiting.dueMs <= dueMs) return;
    clearTimeout(waiting?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, boundedMs);
    this.#timers.set(key, { timer, dueMs });
  }

  /** Forgets the key's failures and cancels its delayed calls, but leaves it queued. */
  forget(key: string): void {
    this.#failures.delete(key);
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
  }

  /**
   * Handles keys until `signal` aborts, and resolves when the running handlers have ended. Queued keys
   * then remain: `run` can be called again.
   */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#signal !== undefined) throw new TypeError("Cannot run the queue: it runs already");
    if (signal.aborted) return;
    this.#signal = signal;
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    this.#pump();
    await stopped.promise;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    // They may be due before the next run; handling a key early is harmless.
    for (const key of this.#timers.keys()) this.#queued.set(key, performance.now());
    this.#timers.clear();
    while (this.#running.size > 0) await this.#whenIdle();
    this.#signal = undefined;
  }

  /**
   * Resolves with true when nothing is queued or running (delayed keys don't count), with false if
   * `signal` aborts first. To stop cleanly: drain, then abort `run`.
   */
  async drain({ signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    signal.addEventListener("abort", abort);
    try {
      while (!signal.aborted) {
        if (this.#queued.size === 0 && this.#running.size === 0) return true;
        await Promise.race([this.#whenIdle(), aborted.promise]);
      }
      return false;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  counters(): WorkQueueCounters {
    return {
      queued: this.#queued.size,
      running: this.#running.size,
      delayed: this.#timers.size,
      ...this.#counts,
    };
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    // Not in the caller's turn: a burst is merged first, and the event loop runs between batches.
    setImmediate(() => {
      this.#pumping = false;
      while (this.#running.size < this.#options.concurrency) {
        const signal = this.#signal;
        if (signal === undefined || signal.aborted) break;
        const key = this.#take();
        if (key === undefined) break;
        void this.#work(key, signal);
      }
      if (this.#running.size === 0) this.#tellIdle();
    });
  }

  #take(): string | undefined {
    let next = this.#next.next();
    if (next.done === true) {
      this.#next = this.#queued.entries();
      next = this.#next.next();
      if (next.done === true) return undefined;
    }
    const [key, sinceMs] = next.value;
    this.#queued.delete(key);
    this.#counts.waitedMs = performance.now() - sinceMs;
    return key;
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    this.#running.add(key);
    // Delayed keys are handled now; the handler requests another call if needed.
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
    try {
      const failures = this.#failures.get(key) ?? 0;
      const again = await this.#handle(key, { signal, failures });
      this.#counts.handled++;
      this.#failures.delete(key);
      if (again !== undefined) this.addAfter(key, again.againAfterMs);
    } catch (error) {
      this.#fail(key, error, signal);
    } finally {
      this.#running.delete(key);
      if (this.#again.delete(key)) this.#queued.set(key, performance.now());
      this.#pump();
    }
  }

  #fail(key: string, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) {
      // Aborted rather than failed: it is first in the next run.
      this.#again.add(key);
      return;
    }
    this.#counts.failed++;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const { backOffBaseMs, backOffMaxMs, random = Math.random } = this.#options;
    const ownMs = backOffMs(failures, { baseMs: backOffBaseMs, maxMs: backOffMaxMs, random });
    const delayMs = Math.max(ownMs, askedDelayMs(error));
    // A change that arrived in the meantime is tried at once: it may be what was missing.
    if (!this.#again.has(key)) this.addAfter(key, delayMs);
    this.#options.onFailure?.({ key, error, failures: failures + 1, delayMs });
  }

  #whenIdle(): Promise<void> {
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  #tellIdle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

/** KubeError says how long the server wants the client to wait. */
function askedDelayMs(error: unknown): number {
  return error instanceof Error && "retryAfterMs" in error && typeof error.retryAfterMs === "number"
    ? error.retryAfterMs
    : 0;
}
