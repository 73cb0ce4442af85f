// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { createEventStream } from "./event-stream.ts";

/** A transport that takes `room` messages and then wants to be waited for. */
class Transport extends EventEmitter {
  room: number;
  readonly taken: string[] = [];
  constructor(room: number) {
    super();
    this.room = room;
  }
  write(message: Buffer): boolean {
    this.taken.push(message.toString());
    return --this.room > 0;
  }
  drain(room: number): void {
    this.room = room;
    this.emit("drain");
  }
}

function start(room: number, maxQueued = 10) {
  const transport = new Transport(room);
  let dropped = 0;
  const stream = createEventStream(transport, {
    wants: () => true,
    view: undefined,
    maxQueued,
    mark: (count) => Buffer.from(`missing ${count}`),
    onDropped: (count) => {
      dropped += count;
    },
  });
  let next = 0;
  const offer = (count: number) => {
    for (let i = 0; i < count; i++) stream.message(Buffer.from(String(next++)));
  };
  return { transport, stream, offer, dropped: () => dropped, offered: () => next };
}

function account(taken: readonly string[]) {
  let expected = 0;
  let missing = 0;
  for (const text of taken) {
    const mark = /^missing (\d+)$/.exec(text);
    if (mark === null) expect(Number(text)).toBe(expected++);
    else {
      missing += Number(mark[1]);
      expected += Number(mark[1]);
    }
  }
  return { end: expected, missing };
}

describe("event stream", () => {
  it("hands over at once what the transport takes", () => {
    const { transport, offer } = start(100);
    offer(50);
    expect(transport.taken.length).toBe(50);
  });

  it("waits for a reader, drops beyond the bound, and says how many at that place", () => {
    const { transport, offer, dropped, offered } = start(3);
    offer(100);
    expect(transport.taken.length).toBe(3);
    expect(dropped()).toBe(100 - 3 - 10);
    transport.drain(1000);
    offer(5);
    expect(account(transport.taken)).toEqual({ end: offered(), missing: dropped() });
  });

  it("marks a loss at the end even if nothing follows", () => {
    const { transport, offer } = start(1);
    offer(20);
    transport.drain(1000);
    expect(transport.taken.at(-1)).toBe("missing 9");
  });

  it("adds up whatever the reader's pace is", () => {
    const { transport, offer, dropped, offered } = start(5, 20);
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 2_000; round++) {
      offer(random(12));
      if (random(3) === 0) transport.drain(1 + random(20));
    }
    for (let round = 0; round < 50; round++) transport.drain(20);
    expect(account(transport.taken)).toEqual({ end: offered(), missing: dropped() });
    expect(dropped()).toBeGreaterThan(100);
  });

  it("counts what was lost elsewhere in the same mark", () => {
    const { transport, stream, offer } = start(100);
    offer(2);
    stream.missing(7);
    offer(1);
    expect(transport.taken).toEqual(["0", "1", "missing 7", "2"]);
  });
});
