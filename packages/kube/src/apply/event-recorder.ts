// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { KubeClient } from "../client/client.ts";
import { KubeError } from "../client/kube-error.ts";
import { resourcePath } from "../client/resource.ts";
import type { WritePermit } from "../client/write-permit.ts";
import { microTime } from "../clock/micro-time.ts";
import { type Failure, WorkQueue } from "../work-queue.ts";
import { createTransitionFilter, type TransitionFilter } from "./transition-filter.ts";

/** The object an Event is about. */
type Regarding = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
};

type Transition = {
  readonly regarding: Regarding;
  /** The aspect of the object that has the state: an Event is created when its state changes. */
  readonly aspect: string;
  readonly type: "Normal" | "Warning";
  /** The state, as one word in UpperCamelCase. */
  readonly reason: string;
  /** The action taken, as one word in UpperCamelCase. */
  readonly action: string;
  /** For people; truncated at 1024 bytes. */
  readonly note: string;
};

export type EventRecorder = {
  /** Records a state; an unchanged state has no effect. Never waits, never throws. */
  record(transition: Transition): void;
  /** Sets the known state, e.g. from the status that a predecessor wrote, without an Event. */
  know(uid: string, aspect: string, reason: string): void;
  /** The object was deleted: its states are forgotten. */
  forget(uid: string): void;
  /** Sends recorded events until `signal` aborts. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Resolves when all is sent, or with false when `signal` aborts. */
  drain(options: { readonly signal: AbortSignal }): Promise<boolean>;
  counters(): EventCounters;
};

export type EventCounters = {
  readonly recorded: number;
  /** Without an Event because the state was unchanged. */
  readonly unchanged: number;
  /** Requests that created an Event or increased its count. */
  readonly sent: number;
  /** Not sent because this replica may not write. */
  readonly withheld: number;
  /** Discarded: too many at once, or repeatedly refused. */
  readonly dropped: number;
};

export type EventRecorderOptions = {
  /** `gander.dev/operator`. */
  readonly controller: string;
  /** The name of the replica. */
  readonly instance: string;
  /** The permission to write now; without it an Event is withheld, because the leader creates it. */
  readonly permit: () => WritePermit | undefined;
  /** Objects whose states are remembered, and pending Events; 4,096 if absent. */
  readonly capacity?: number;
  /** A repetition of an object's Event within this time is counted, not sent again. */
  readonly seriesMs?: number;
  readonly now?: () => number;
};

const maxAttempts = 5;
const maxNoteBytes = 1024;

/** One kind of Event of one object, and how often it happened. */
type Series = {
  /** Generated once, so that a retry after a lost answer creates no second Event. */
  readonly name: string;
  readonly firstTime: string;
  transition: Transition;
  count: number;
  sentCount: number;
  lastTime: string;
  lastMs: number;
};

/**
 * Events (`events.k8s.io/v1`) for transitions only. A flapping state is one Event with a count, written no
 * more often than the queue gets to it.
 */
export function createEventRecorder(
  deps: { readonly client: KubeClient; readonly logger: Logger },
  options: EventRecorderOptions,
): EventRecorder {
  return new QueuedRecorder(deps, {
    capacity: 4096,
    seriesMs: 600_000,
    now: monotonicMs,
    ...options,
  });
}

const monotonicMs = () => performance.now();

class QueuedRecorder implements EventRecorder {
  readonly #deps: { readonly client: KubeClient; readonly logger: Logger };
  readonly #options: Required<EventRecorderOptions>;
  readonly #filter: TransitionFilter;
  readonly #series = new Map<string, Series>();
  readonly #counts = { recorded: 0, unchanged: 0, sent: 0, withheld: 0, dropped: 0 };
  readonly #queue: WorkQueue;

  constructor(
    deps: { readonly client: KubeClient; readonly logger: Logger },
    options: Required<EventRecorderOptions>,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#filter = createTransitionFilter(options.capacity);
    this.#queue = new WorkQueue((key) => this.#send(key), {
      concurrency: 1,
      backOffBaseMs: 200,
      backOffMaxMs: 10_000,
      onFailure: (failure) => this.#noteFailure(failure),
    });
  }

  record(transition: Transition): void {
    const { regarding, aspect, reason } = transition;
    this.#counts.recorded++;
    if (!this.#filter.changes(regarding.uid, aspect, reason)) {
      this.#counts.unchanged++;
      return;
    }
    const key = `${regarding.uid}/${aspect}/${reason}`;
    const known = this.#series.get(key);
    const nowMs = this.#options.now();
    const isSeries = known !== undefined && nowMs - known.lastMs < this.#options.seriesMs;
    const one = isSeries ? known : newSeries(transition);
    one.transition = transition;
    one.count++;
    one.lastTime = microTime();
    one.lastMs = nowMs;
    // Moved to the end as the most recently used.
    this.#series.delete(key);
    this.#series.set(key, one);
    this.#trim();
    this.#queue.add(key);
  }

  know(uid: string, aspect: string, reason: string): void {
    this.#filter.changes(uid, aspect, reason);
  }

  forget(uid: string): void {
    this.#filter.forget(uid);
  }

  run(limits: { readonly signal: AbortSignal }): Promise<void> {
    return this.#queue.run(limits);
  }

  drain(limits: { readonly signal: AbortSignal }): Promise<boolean> {
    return this.#queue.drain(limits);
  }

  counters(): EventCounters {
    return { ...this.#counts };
  }

  async #send(key: string): Promise<void> {
    const one = this.#series.get(key);
    if (one === undefined || one.sentCount === one.count) return;
    const permit = this.#options.permit();
    if (permit === undefined) {
      this.#counts.withheld++;
      this.#series.delete(key);
      return;
    }
    // The count may grow during the request.
    const { count } = one;
    if (one.sentCount === 0) await this.#create(one, permit);
    if (count > 1) await this.#countUp(one, count, permit);
    one.sentCount = count;
  }

  async #create(one: Series, permit: WritePermit): Promise<void> {
    try {
      await this.#deps.client.write({
        task: taskOf(one),
        method: "POST",
        path: resourcePath(events, { namespace: namespaceOf(one.transition.regarding) }),
        body: eventBody(this.#options, one),
        permit,
      });
      this.#counts.sent++;
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== "kube-already-exists") throw error;
    }
    one.sentCount = 1;
  }

  async #countUp(one: Series, count: number, permit: WritePermit): Promise<void> {
    const namespace = namespaceOf(one.transition.regarding);
    await this.#deps.client.write({
      task: taskOf(one),
      method: "PATCH",
      path: resourcePath(events, { namespace, name: one.name }),
      contentType: "application/merge-patch+json",
      body: { series: { count, lastObservedTime: one.lastTime } },
      permit,
    });
    this.#counts.sent++;
  }

  #noteFailure({ key, error, failures }: Failure): void {
    const isHopeless = error instanceof KubeError && !error.retryable;
    if (failures < maxAttempts && !isHopeless) return;
    this.#counts.dropped++;
    this.#series.delete(key);
    this.#queue.forget(key);
    this.#deps.logger.warn("An Event cannot be recorded", { error });
  }

  #trim(): void {
    for (const [key, one] of this.#series) {
      if (this.#series.size <= this.#options.capacity) return;
      if (one.sentCount < one.count) this.#counts.dropped++;
      this.#series.delete(key);
    }
  }
}

function newSeries(transition: Transition): Series {
  return {
    name: `${transition.regarding.name.slice(0, 200)}.${crypto.randomUUID()}`,
    firstTime: microTime(),
    transition,
    count: 0,
    sentCount: 0,
    lastTime: "",
    lastMs: 0,
  };
}

function taskOf({ transition }: Series): string {
  const { reason, regarding } = transition;
  return `record the Event "${reason}" of ${regarding.kind} "${regarding.name}"`;
}

const events = { group: "events.k8s.io", version: "v1", plural: "events" };

/** Events of cluster-scoped objects live in `default` (validation of events.k8s.io/v1). */
function namespaceOf({ namespace }: Regarding): string {
  return namespace ?? "default";
}

function eventBody(options: EventRecorderOptions, { name, transition, firstTime }: Series) {
  const { regarding, type, reason, action, note } = transition;
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name, namespace: namespaceOf(regarding) },
    eventTime: firstTime,
    reportingController: options.controller,
    reportingInstance: options.instance.slice(0, 128),
    regarding,
    type,
    reason,
    action,
    note: cut(note),
  };
}

/** Truncates between characters; the server counts bytes. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxNoteBytes) return text;
  let end = maxNoteBytes - 3;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)}…`;
}
