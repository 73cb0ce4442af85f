// SPDX-License-Identifier: Apache-2.0
import type { NodeEvents, RelayReader } from "./event-relay.ts";

export type BatchQueueOptions = {
  /** Events queued for one slow reader; further ones are dropped and counted. */
  readonly maxEvents?: number;
  /** Maximum bytes of those events. */
  readonly maxBytes?: number;
  /** Whether the reader accepts events before the first `resume`; "open" if absent. */
  readonly starts?: "open" | "blocked";
};

type BatchQueue = RelayReader & {
  /** The reader has consumed its data and accepts more. */
  resume(): void;
  /** Events dropped here, of all nodes. */
  readonly dropped: number;
};

/**
 * The queue of one reader. `write` sends a batch; it returns false to stop until `resume`. Batches are
 * queued or dropped as a whole: part of one would keep all of it in memory. Dropped events are counted by
 * node; a batch without events reports them in their place.
 */
export function createBatchQueue(
  write: (events: NodeEvents) => boolean,
  { maxEvents = 20_000, maxBytes = 8 * 1024 * 1024, starts = "open" }: BatchQueueOptions = {},
): BatchQueue {
  let queue: NodeEvents[] = [];
  let sent = 0;
  let events = 0;
  let bytes = 0;
  let dropped = 0;
  let isBlocked = starts === "blocked";
  /** Node → how many events, undefined if unknown. */
  const missing = new Map<string, number | undefined>();

  const hasRoomFor = (count: number, size: number) =>
    events + count <= maxEvents && bytes + size <= maxBytes;

  const push = (batch: NodeEvents) => {
    queue.push(batch);
    events += batch.events.length;
    bytes += batch.bytes;
  };

  const send = () => {
    while (!isBlocked) {
      const batch = queue[sent];
      if (batch === undefined) break;
      sent += 1;
      events -= batch.events.length;
      bytes -= batch.bytes;
      isBlocked = !write(batch);
    }
    if (sent === queue.length || sent > 1024) {
      queue = queue.slice(sent);
      sent = 0;
    }
  };

  /** Reports missing events once there is some room behind the report; returns whether none are left. */
  const tellMissing = (): boolean => {
    if (missing.size === 0) return true;
    if (!hasRoomFor(maxEvents / 10, maxBytes / 10)) return false;
    for (const [node, count] of missing) push({ node, missing: count, events: [], bytes: 0 });
    missing.clear();
    return true;
  };

  return {
    get dropped() {
      return dropped;
    },
    take(batch) {
      if (tellMissing() && hasRoomFor(batch.events.length, batch.bytes)) {
        push(batch);
        send();
        return;
      }
      const { node } = batch;
      const before = missing.has(node) ? missing.get(node) : 0;
      const isKnown = before !== undefined && batch.missing !== undefined;
      missing.set(node, isKnown ? before + batch.missing + batch.events.length : undefined);
      dropped += batch.events.length;
    },
    resume() {
      isBlocked = false;
      send();
      if (missing.size > 0 && tellMissing()) send();
    },
  };
}
