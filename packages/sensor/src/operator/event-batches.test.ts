// SPDX-License-Identifier: Apache-2.0
import { type EventBatch, streamLimits } from "@gander/proto/stream";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createEventBatches } from "./event-batches.ts";

/** A way that takes `room` batches and then is blocked until `open`. */
function start(room: number, options: { maxQueued?: number; maxQueuedBytes?: number } = {}) {
  const taken: EventBatch[] = [];
  let left = room;
  const batches = createEventBatches(
    (batch) => {
      taken.push(batch);
      return --left > 0;
    },
    { order: 7, ...options },
  );
  let next = 0;
  return {
    batches,
    taken,
    offer(count: number, bytes = 8) {
      for (let i = 0; i < count; i++) batches.add(numbered(next++, bytes));
    },
    open(more: number) {
      left = more;
      batches.resume();
    },
    offered: () => next,
  };
}

function numbered(number: number, bytes: number): Buffer {
  const event = Buffer.alloc(bytes);
  event.writeUInt32LE(number);
  return event;
}

/** Goes over all batches: each event is there in its place, or counted as missing at it. */
function account(taken: readonly EventBatch[]) {
  let at = 0;
  let missing = 0;
  for (const batch of taken) {
    const left = Number(batch.missing ?? 0);
    at += left;
    missing += left;
    for (const event of batch.events ?? []) expect(Buffer.from(event).readUInt32LE()).toBe(at++);
  }
  return { at, missing };
}

it("sends a full batch at once, and the rest after a while", async () => {
  const { batches, taken, offer } = start(100);
  offer(streamLimits.batchEvents + 3);
  expect(taken.map(({ events }) => events?.length)).toEqual([streamLimits.batchEvents]);
  await expect.poll(() => taken.length).toBe(2);
  expect(account(taken)).toEqual({ at: streamLimits.batchEvents + 3, missing: 0 });
  batches[Symbol.dispose]();
});

it("never makes a batch larger than one may be, and leaves out an event that is", async () => {
  const { batches, taken, offer } = start(100);
  offer(5, 100 * 1024);
  offer(1, streamLimits.eventBytes);
  offer(1, streamLimits.eventBytes + 1);
  offer(1);
  await expect.poll(() => account(taken)).toEqual({ at: 8, missing: 1 });
  const sizes = taken.map(({ events = [] }) => events.map(({ length }) => length));
  expect(sizes).toContainEqual([streamLimits.eventBytes]);
  for (const batch of sizes.filter(({ length }) => length > 1))
    expect(batch.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(
      streamLimits.batchBytes,
    );
  expect(batches.dropped).toBe(1);
  batches[Symbol.dispose]();
});

it("holds no more than it may while the way is blocked, and counts the rest exactly", async () => {
  const { batches, taken, offer, open } = start(1, { maxQueued: 5000 });
  offer(20_000);
  batches.missing(11);
  expect(taken.length).toBe(1);
  open(1000);
  await expect.poll(() => account(taken).at).toBe(20_011);
  expect(account(taken).missing).toBe(20_011 - 5000 - streamLimits.batchEvents);
  expect(batches.dropped).toBe(20_000 - 5000 - streamLimits.batchEvents);
  batches[Symbol.dispose]();
});

it("accounts for every event, however it is hindered", { timeout: 120_000 }, async () => {
  const step = fc.oneof(
    fc.record({ offer: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ open: fc.integer({ min: 1, max: 3 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { batches, taken, offer, open, offered } = start(1, {
        maxQueued: 2500,
        maxQueuedBytes: 24_000,
      });
      for (const one of steps) {
        if ("offer" in one) offer(one.offer);
        else open(one.open);
      }
      open(1_000_000);
      await expect.poll(() => account(taken).at, { interval: 2, timeout: 20_000 }).toBe(offered());
      expect(account(taken).missing).toBe(batches.dropped);
      batches[Symbol.dispose]();
    }),
    { numRuns: 15 },
  );
});
