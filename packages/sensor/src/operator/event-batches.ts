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
  const { order, maxQueued = 10_000, maxQueuedBytes = 4 * 1024 * 1024 } = options;
  const { batchBytes, batchEvents, batchMs } = streamLimits;
  const closed: Batch[] = [];
  let open: Batch = { missing: 0, bytes: 0, events: [] };
  let queuedEvents = 0;
  let queuedBytes = 0;
  let missing = 0;
  let dropped = 0;
  let isBlocked = false;
  let timer: NodeJS.Timeout | undefined;

  const close = () => {
    clearTimeout(timer);
    timer = undefined;
    if (open.events.length === 0 && open.missing === 0) return;
    closed.push(open);
    open = { missing: 0, bytes: 0, events: [] };
  };

  const send = () => {
    while (!isBlocked) {
      const batch = closed.shift();
      if (batch === undefined) return;
      queuedEvents -= batch.events.length;
      queuedBytes -= batch.bytes;
      isBlocked = !write({ order, missing: String(batch.missing), events: batch.events });
    }
  };

  const flush = () => {
    close();
    send();
  };

  /** What is missing goes in front of the next batch, and opens it only when there is some room behind. */
  const startAgain = (): boolean => {
    if (missing === 0) return true;
    if (queuedEvents > maxQueued * 0.9 || queuedBytes > maxQueuedBytes * 0.9) return false;
    if (open.events.length > 0) flush();
    open.missing += missing;
    missing = 0;
    timer ??= setTimeout(flush, batchMs);
    return true;
  };

  const leaveOut = () => {
    missing += 1;
    dropped += 1;
    startAgain();
  };

  return {
    get dropped() {
      return dropped;
    },
    add(event) {
      // Alone in a batch it would still be larger than a message may be.
      const isTooLarge = event.length > batchBytes;
      const hasRoom = queuedEvents < maxQueued && queuedBytes + event.length <= maxQueuedBytes;
      if (isTooLarge || !hasRoom || !startAgain()) {
        leaveOut();
        return;
      }
      if (open.bytes + event.length > batchBytes) flush();
      open.events.push(event);
      open.bytes += event.length;
      queuedEvents += 1;
      queuedBytes += event.length;
      if (open.events.length >= batchEvents) flush();
      else timer ??= setTimeout(flush, batchMs);
    },
    missing(count) {
      missing += count;
      startAgain();
    },
    resume() {
      isBlocked = false;
      send();
      startAgain();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      closed.length = 0;
      open = { missing: 0, bytes: 0, events: [] };
    },
  };
}
