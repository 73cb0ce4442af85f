// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { createRingDrain, type Patience, type RecordRing } from "./ring-drain.ts";

/** A ring over plain memory, with records of 8 bytes that hold their number. */
function createTestRing() {
  const bytes = new Uint8Array(1 << 20);
  const view = new DataView(bytes.buffer);
  let produced = 0;
  let read = 0;
  let released = 0;
  const ring: RecordRing & { offset: number } = {
    bytes,
    offset: 0,
    length: 8,
    next(limit = Number.POSITIVE_INFINITY) {
      if (read === produced || (read - released) * 8 >= limit) return false;
      ring.offset = (read++ * 8) % bytes.length;
      return true;
    },
    release() {
      released = read;
    },
    get availableBytes() {
      return (produced - read) * 8;
    },
    sizeBytes: bytes.length,
  };
  const produce = (count: number) => {
    for (let i = 0; i < count; i++, produced++)
      view.setUint32((produced * 8) % bytes.length, produced, true);
  };
  return { ring, produce, unreleased: () => read - released };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("ring drain", () => {
  it("reads all in order, hands room back in slices, and lets others run in between", async () => {
    const { ring, produce, unreleased } = createTestRing();
    const seen: number[] = [];
    let slices = 0;
    const drain = createRingDrain(
      {
        ring,
        take: (reader) => seen.push(reader.u32(0)),
        onError: () => {},
        afterSlice: () => {
          slices++;
          expect(unreleased()).toBe(0);
        },
      },
      { intervalMs: 5, turnBytes: 2_400, sliceBytes: 800 },
    );
    produce(1_000);
    drain.start();
    await pause(40);
    produce(5);
    drain.wake();
    await pause(1);
    drain.stop();
    expect(seen).toEqual(Array.from({ length: 1_005 }, (_, i) => i));
    expect(slices).toBeGreaterThanOrEqual(11);
  });

  it("goes on after a record that cannot be taken", () => {
    const { ring, produce } = createTestRing();
    const errors: unknown[] = [];
    let taken = 0;
    const drain = createRingDrain({
      ring,
      take: (reader) => {
        if (reader.u32(0) === 3) throw new Error("bad");
        taken++;
      },
      onError: (error) => errors.push(error),
      afterSlice: () => {},
    });
    produce(10);
    drain.stop();
    expect([taken, errors.length, drain.records()]).toEqual([9, 1, 10]);
  });

  it("does not read before it is started", async () => {
    const { ring, produce } = createTestRing();
    const drain = createRingDrain({
      ring,
      take: () => {},
      onError: () => {},
      afterSlice: () => {},
    });
    produce(1);
    drain.wake();
    await pause(30);
    expect(drain.records()).toBe(0);
  });

  it("lets others run after a bounded part, or some time", async () => {
    for (const options of [{ turnBytes: 80 }, { turnMs: 0 }]) {
      const { ring, produce } = createTestRing();
      const seen: number[] = [];
      const drain = createRingDrain(
        { ring, take: () => {}, onError: () => {}, afterSlice: () => {} },
        { intervalMs: 1, sliceBytes: 80, ...options },
      );
      produce(50);
      drain.start();
      drain.wake();
      for (let turn = 0; turn < 10; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(drain.records());
      }
      drain.stop();
      expect(seen.slice(0, 4)).toEqual([10, 20, 30, 40]);
    }
  });

  /** A drain of slices of ten records whose reader is behind until it is told otherwise. */
  function createBehind(patience: Patience) {
    const { ring, produce } = createTestRing();
    const room = Promise.withResolvers<void>();
    const state = { isBehind: true };
    const drain = createRingDrain(
      {
        ring,
        take: () => {},
        onError: () => {},
        afterSlice: () => {},
        behind: () => (state.isBehind ? room.promise : undefined),
        patience: () => patience,
      },
      { intervalMs: 1, sliceBytes: 80 },
    );
    drain.start();
    return { drain, produce, room, state };
  }

  it("leaves records in the ring while who takes them is behind", async () => {
    const { drain, produce, room, state } = createBehind({ ms: 10_000, share: 1 });
    produce(100);
    await expect.poll(() => drain.records()).toBe(1);
    await pause(30);
    expect(drain.records()).toBe(1);
    state.isBehind = false;
    room.resolve();
    await expect.poll(() => drain.records()).toBe(100);
    drain.stop();
  });

  it("reads no more than what the ring must not hold", async () => {
    const { drain, produce } = createBehind({ ms: 10_000, share: 500 / (1 << 17) });
    produce(1_000);
    await expect.poll(() => drain.records()).toBe(500);
    await pause(30);
    expect(drain.records()).toBe(500);
    drain.stop();
  });

  it("goes on when there is no hope of room", async () => {
    const { drain, produce, state } = createBehind({ ms: 10_000, share: 1 });
    produce(100);
    await expect.poll(() => drain.records()).toBe(1);
    state.isBehind = false;
    await expect.poll(() => drain.records()).toBe(100);
    drain.stop();
  });

  it("does not wait for one for ever", async () => {
    const { drain, produce } = createBehind({ ms: 2, share: 1 });
    produce(50);
    await expect.poll(() => drain.records()).toBe(50);
    drain.stop();
  });

  it("sleeps when nothing comes, and wakes up when it is told to", async () => {
    const { ring, produce } = createTestRing();
    const said: string[] = [];
    const drain = createRingDrain(
      {
        ring,
        take: () => {},
        onError: () => {},
        afterSlice: () => {},
        onSleep: (asleep) => said.push(asleep),
      },
      { intervalMs: 1, emptyLooks: 5 },
    );
    drain.start();
    produce(1);
    await expect.poll(() => said).toEqual(["awake", "asleep"]);
    expect(drain.records()).toBe(1);
    await pause(20);
    produce(1);
    await pause(20);
    expect(drain.records()).toBe(1);
    drain.wake();
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(drain.records()).toBe(2);
    expect(said).toEqual(["awake", "asleep", "awake"]);
    // It looks by itself again.
    produce(1);
    await expect.poll(() => drain.records()).toBe(3);
    drain.stop();
  });

  it("finds what came just before it said that it sleeps", async () => {
    const { ring, produce } = createTestRing();
    const said: string[] = [];
    const drain = createRingDrain(
      {
        ring,
        take: () => {},
        onError: () => {},
        afterSlice: () => {},
        onSleep(asleep) {
          if (asleep === "asleep" && !said.includes("asleep")) produce(1);
          said.push(asleep);
        },
      },
      { intervalMs: 1, emptyLooks: 2 },
    );
    drain.start();
    await expect.poll(() => drain.records()).toBe(1);
    expect(said.slice(0, 3)).toEqual(["awake", "asleep", "awake"]);
    drain.stop();
  });

  it("remembers how full the ring was", async () => {
    const { ring, produce } = createTestRing();
    const drain = createRingDrain({
      ring,
      take: () => {},
      onError: () => {},
      afterSlice: () => {},
    });
    produce(100);
    drain.start();
    await expect.poll(() => drain.records()).toBe(100);
    expect([drain.takeFullest(), drain.takeFullest()]).toEqual([800, 0]);
    drain.stop();
  });
});
