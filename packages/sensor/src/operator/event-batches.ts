// SPDX-License-Identifier: Apache-2.0
import { type EventBatch, streamLimits } from "@gander/proto/stream";

/** Takes encoded batches of one order; false: `write` nothing more until `resume` is called. */
export type WriteBatch = (batch: EventBatch) => boolean;

export type EventBatchesOptions = {
  readonly order: number;
  /** Events that wait while the way to the operator is blocked; more are left out and counted. */
  readonly maxQueued?: number;
  /** And bytes of them. */
  readonly maxQueuedBytes?: number;
};

/** Events of one order on their way out, in batches. */
export type EventBatches = Disposable & {
  /** hot: takes one encoded event; the bytes are kept until they are written. */
  add(event: Buffer): void;
  /** So many events are missing at this place. */
  missing(count: number): void;
  /** There is room again. */
  resume(): void;
  /** Left out for want of room. */
  readonly dropped: number;
};

type Batch = { missing: number; bytes: number; readonly events: Buffer[] };

/**
 * A batch goes out when it is full or 20 ms after its first event; while the way is blocked batches
 * wait, up to a bound. What is left out is told in the batch behind it.
 */
export function createEventBatches(write: WriteBatch, options: EventBatchesOptions): EventBatches {
  return new Batches(write, options);
}

const { batchBytes, batchEvents, batchMs } = streamLimits;

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
    // Alone in a batch it would still be larger than a message may be.
    if (length > batchBytes) return false;
    return (
      this.#queuedEvents < this.#maxQueued && this.#queuedBytes + length <= this.#maxQueuedBytes
    );
  }

  /** What is missing goes in front of the next batch, and opens it only when there is some room behind. */
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
