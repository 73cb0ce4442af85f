// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { callUmask, loadFixture, u32 } from "../test/fixture.ts";
import { type BpfObject, RingBuffer } from "./index.ts";

// write_records writes one record for each umask: 44 and 300 bytes in turn, beginning with its
// number; every seventh is discarded.
const isDiscarded = (number: number) => number % 7 === 6;
const lengthOf = (number: number) => (number % 2 ? 300 : 44);

function startRecords(): { object: BpfObject; [Symbol.dispose](): void } {
  const object = loadFixture(["write_records"]);
  const link = object.program("write_records").attach();
  return {
    object,
    [Symbol.dispose]: () => {
      link.close();
      object.close();
    },
  };
}

/** The number at the start of each record, checking its length. */
function readNumbers(ring: RingBuffer, limitBytes?: number): number[] {
  const numbers: number[] = [];
  ring.drain((offset, length) => {
    const view = new DataView(ring.bytes.buffer, ring.bytes.byteOffset);
    const number = Number(view.getBigUint64(offset, true));
    assert.equal(length, lengthOf(number));
    // Also where the ring's end lies between the two.
    assert.equal(Number(view.getBigUint64(offset + 32, true)), number);
    numbers.push(number);
  }, limitBytes);
  return numbers;
}

const wanted = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => from + i).filter((number) => !isDiscarded(number));

test("records are read in order, without a gap over many rounds of the ring", () => {
  using records = startRecords();
  using ring = new RingBuffer(records.object.map("events"));
  assert.equal(ring.sizeBytes, 65536);
  let next = 0;
  for (let turn = 0; turn < 200; turn++) {
    callUmask(150);
    assert.deepEqual(readNumbers(ring), wanted(next, next + 150));
    next += 150;
    assert.equal(ring.availableBytes, 0);
  }
});

test("a turn ends at its limit, and the next one goes on", () => {
  using records = startRecords();
  using ring = new RingBuffer(records.object.map("events"));
  callUmask(100);
  const turns: number[][] = [];
  while (ring.availableBytes > 0) turns.push(readNumbers(ring, 1000));
  assert.ok(turns.length > 10 && turns.every((turn) => turn.length <= 8), `${turns.length} turns`);
  assert.deepEqual(turns.flat(), wanted(0, 100));
});

test("a full ring loses the newest, and what is read makes room", () => {
  using records = startRecords();
  using ring = new RingBuffer(records.object.map("events"));
  callUmask(2000);
  const kept = readNumbers(ring);
  assert.deepEqual(kept, wanted(0, (kept.at(-1) ?? 0) + 1));
  const variables = records.object.map(".bss").get(u32(0)) ?? new Uint8Array();
  const dropped = records.object.spec.variables.get("dropped");
  assert.ok(dropped);
  const lost = Number(new DataView(variables.buffer).getBigUint64(dropped.offset, true));
  const discarded = Math.floor((kept.length + lost) / 6);
  assert.ok(
    Math.abs(kept.length + lost + discarded - 2000) < 300 && lost > 500,
    `${kept.length} ${lost}`,
  );
  callUmask(1);
  assert.deepEqual(readNumbers(ring), [2000]);
});

test("what isn't released is read again by the next reader", () => {
  using records = startRecords();
  callUmask(3);
  {
    using ring = new RingBuffer(records.object.map("events"));
    assert.ok(ring.next());
    ring.release();
    assert.ok(ring.next() && ring.next() && !ring.next());
    assert.ok(ring.takenBytes > 0);
  }
  using ring = new RingBuffer(records.object.map("events"));
  assert.deepEqual(readNumbers(ring), [1, 2]);
});

test("one callback a wake-up, and again as long as something is left", async () => {
  using records = startRecords();
  let calls = 0;
  const numbers: number[] = [];
  const ring: RingBuffer = new RingBuffer(records.object.map("events"), {
    onReadable: () => {
      calls++;
      numbers.push(...readNumbers(ring, 4096));
    },
  });
  callUmask(300);
  while (numbers.length < wanted(0, 300).length) await nextTurn();
  assert.deepEqual(numbers, wanted(0, 300));
  assert.ok(calls > 5 && calls < 40, `${calls} calls for 300 records`);
  const before = calls;
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(calls, before, "called with nothing to read");
  ring.close();
  callUmask(10);
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(calls, before, "called after it was closed");
});

test("nobody is called who does not listen, and who listens again is called for what waits", async () => {
  using records = startRecords();
  let calls = 0;
  using ring: RingBuffer = new RingBuffer(records.object.map("events"), {
    onReadable: () => {
      calls++;
      readNumbers(ring);
    },
  });
  ring.listen("off");
  ring.listen("off");
  callUmask(10);
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(calls, 0);
  ring.listen("on");
  while (calls === 0) await nextTurn();
  assert.equal(ring.availableBytes, 0);
});

test("two readers of two rings, closed from inside the callback", async () => {
  using first = startRecords();
  using second = startRecords();
  const closed: string[] = [];
  for (const [name, { object }] of Object.entries({ first, second })) {
    const ring: RingBuffer = new RingBuffer(object.map("events"), {
      onReadable: () => {
        ring.close();
        closed.push(name);
      },
    });
  }
  callUmask(3);
  while (closed.length < 2) await nextTurn();
  assert.deepEqual(closed.toSorted(), ["first", "second"]);
});

test("what a visitor throws is the caller's, and what was read is released", () => {
  using records = startRecords();
  using ring = new RingBuffer(records.object.map("events"));
  callUmask(2);
  assert.throws(() => ring.drain(() => assert.fail("visitor")), /visitor/);
  assert.deepEqual(readNumbers(ring), [1]);
});

test("wrong use throws, and closed memory is empty", () => {
  using records = startRecords();
  assert.throws(() => new RingBuffer(records.object.map("pairs")), { code: "ARGUMENT" });
  assert.throws(
    () => new RingBuffer(records.object.map("events"), { onReadable: 5 as unknown as () => void }),
    { code: "ARGUMENT" },
  );
  const ring = new RingBuffer(records.object.map("events"));
  const { bytes } = ring;
  ring.close();
  assert.equal(bytes.length, 0);
  assert.equal(ring.bytes.length, 0);
  for (const call of [
    () => ring.next(),
    () => ring.release(),
    () => ring.drain(() => {}),
    () => ring.availableBytes,
    () => ring.close(),
  ])
    assert.throws(call, { code: "CLOSED" }, String(call));
  ring[Symbol.dispose]();
});
