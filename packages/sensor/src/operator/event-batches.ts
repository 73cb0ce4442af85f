// SPDX-License-Identifier: Apache-2.0
import { type EventBatch, streamLimits } from "@gander/proto/stream";

/** Writes one order's encoded batches; false: don't call it again until `resume` is called. */
type WriteBatch = (batch: EventBatch) => boolean;

type EventBatchesOptions = {
  readonly order: number;
  /** Events that wait while the connection to the operator is blocked; more are dropped and counted. */
  readonly maxQueued?: number;
  /** The same limit in bytes. */
  readonly maxQueuedBytes?: number;
};

/** Outgoing events of one order, in batches. */
export type EventBatches = Disposable & {
  /** hot: adds one encoded event; its bytes are kept until they are written. */
  add(event: Buffer): void;
  /** This many events are missing at this place. */
  missing(count: number): void;
  /** There is room again. */
  resume(): void;
  /** Events dropped for lack of room. */
  readonly dropped: number;
};

type Batch = { missing: number; bytes: number; readonly events: Buffer[] };

/**
 * A batch is sent when it is full or 20 ms after its first event; while the connection is blocked, batches
 * wait, up to a limit. The next batch reports dropped events.
 */
export function createEventBatches(write: WriteBatch, options: EventBatchesOptions): EventBatches {
  return new Batches(write, options);
}

const { batchBytes, batchEvents, batchMs, eventBytes } = streamLimits;

class Batches implements EventBatches {
  readonly #write: WriteBatch;
  readonly #order: number;
  readonly #maxQueued: number;
  readonly #maxQueuedBytes: number;
  readonly #closed: Batch[] = [];
  #open: Batch = { missing: 0, bytes: 0, events: [] };
  #queuedEvents = 0;
  #queuedBytes = 0;
  /** Not in a batch yet. */
  #missing = 0;
  #dropped = 0;
  #isBlocked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    write: WriteBatch,
    { order, maxQueued = 10_000, maxQueuedBytes = 4 * 1024 * 1024 }: EventBatchesOptions,
  ) {
    this.#write = write;
    this.#order = order;
    this.#maxQueued = maxQueued;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(event: Buffer): void {
    if (!this.#hasRoom(event) || !this.#startAgain()) {
      this.#missing += 1;
      this.#dropped += 1;
      this.#startAgain();
      return;
    }
    if (this.#open.bytes + event.length > batchBytes) this.#flush();
    this.#open.events.push(event);
    this.#open.bytes += event.length;
    this.#queuedEvents += 1;
    this.#queuedBytes += event.length;
    if (this.#open.events.length >= batchEvents) this.#flush();
    else this.#flushSoon();
  }

  missing(count: number): void {
    this.#missing += count;
    this.#startAgain();
  }

  resume(): void {
    this.#isBlocked = false;
    this.#send();
    this.#startAgain();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#closed.length = 0;
    this.#open = { missing: 0, bytes: 0, events: [] };
  }

  #hasRoom({ length }: Buffer): boolean {
    // Even alone in a batch it would exceed the message limit.
    if (length > eventBytes) return false;
    return (
      this.#queuedEvents < this.#maxQueued && this.#queuedBytes + length <= this.#maxQueuedBytes
    );
  }

  /** Puts the missing count before the next batch, and opens that only once there is some room for more. */
  #startAgain(): boolean {
    if (this.#missing === 0) return true;
    const isNearlyFull =
      this.#queuedEvents > this.#maxQueued * 0.9 || this.#queuedBytes > this.#maxQueuedBytes * 0.9;
    if (isNearlyFull) return false;
    if (this.#open.events.length > 0) this.#flush();
    this.#open.missing += this.#missing;
    this.#missing = 0;
    this.#flushSoon();
    return true;
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), batchMs);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#open.events.length > 0 || this.#open.missing > 0) {
      this.#closed.push(this.#open);
      this.#open = { missing: 0, bytes: 0, events: [] };
    }
    this.#send();
  }

  #send(): void {
    while (!this.#isBlocked) {
      const batch = this.#closed.shift();
      if (batch === undefined) return;
      this.#queuedEvents -= batch.events.length;
      this.#queuedBytes -= batch.bytes;
      const { missing, events } = batch;
      this.#isBlocked = !this.#write({ order: this.#order, missing: String(missing), events });
    }
  }
}
