// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { createBatchQueue } from "./batch-queue.ts";
import type { NodeEvents } from "./event-relay.ts";

/** A reader that takes `room` batches and then wants to be waited for. */
function start(room: number, maxEvents = 100, maxBytes = 1000) {
  const taken: NodeEvents[] = [];
  let left = room;
  const queue = createBatchQueue(
    (batch) => {
      taken.push(batch);
      return --left > 0;
    },
    { maxEvents, maxBytes },
  );
  const open = (more: number) => {
    left = more;
    queue.resume();
  };
  return { queue, taken, open };
}

const batch = (node: string, count: number, missing = 0): NodeEvents => {
  const events = Array.from({ length: count }, () => Buffer.alloc(4));
  return { node, missing, events, bytes: 4 * count };
};

const count = (taken: readonly NodeEvents[], node: string) => {
  const own = taken.filter((one) => one.node === node);
  return {
    events: own.reduce((sum, { events }) => sum + events.length, 0),
    missing: own.reduce((sum, { missing = Number.NaN }) => sum + missing, 0),
  };
};

it("leaves whole batches out when the reader is slow, and counts them by node", () => {
  const { queue, taken, open } = start(1);
  queue.take(batch("a", 60));
  queue.take(batch("a", 60));
  queue.take(batch("b", 60, 5));
  queue.take(batch("b", 10));
  expect(taken.length).toBe(1);
  expect(queue.dropped).toBe(60);
  open(100);
  expect(count(taken, "a")).toEqual({ events: 120, missing: 0 });
  expect(count(taken, "b")).toEqual({ events: 10, missing: 65 });
});

it("an unknown number stays unknown when it waits with others", () => {
  const { queue, taken, open } = start(1);
  queue.take(batch("a", 100));
  queue.take(batch("a", 1));
  queue.take({ node: "a", missing: undefined, events: [], bytes: 0 });
  queue.take(batch("a", 1));
  open(100);
  const marks = taken.filter(({ missing }) => missing !== 0);
  expect(marks).toEqual([{ node: "a", missing: undefined, events: [], bytes: 0 }]);
});

it("is bounded by bytes as well", () => {
  const { queue, taken } = start(1, 1_000_000, 400);
  for (let i = 0; i < 10; i++) queue.take(batch("a", 50));
  expect(taken.length).toBe(1);
  expect(queue.dropped).toBe(7 * 50);
});

it("accounts for every event of every node, however it is hindered", () => {
  const step = fc.oneof(
    fc.record({
      node: fc.constantFrom("a", "b"),
      events: fc.integer({ min: 0, max: 40 }),
      missing: fc.integer({ min: 0, max: 9 }),
    }),
    fc.record({ open: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { queue, taken, open } = start(1);
      const offered = { a: 0, b: 0 };
      for (const one of steps) {
        if ("open" in one) {
          open(one.open);
          continue;
        }
        queue.take(batch(one.node, one.events, one.missing));
        offered[one.node as "a" | "b"] += one.events + one.missing;
      }
      open(1_000_000);
      for (const node of ["a", "b"] as const) {
        const { events, missing } = count(taken, node);
        expect(events + missing).toBe(offered[node]);
      }
    }),
  );
});
