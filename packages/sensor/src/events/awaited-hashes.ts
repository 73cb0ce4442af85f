// SPDX-License-Identifier: Apache-2.0
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { readFileHash, type Unhashed } from "./file-hash.ts";
import type { SensorEvent } from "./sensor-event.ts";

type Awaited = {
  readonly event: SensorEvent;
  /** Over a copy of the event's record. */
  readonly reader: RecordReader;
  readonly tid: number;
  readonly time: bigint;
  readonly sinceMs: number;
  readonly sizeBytes: number;
};

type Deps = {
  readonly offsets: RecordOffsets;
  /** Says in the event why it has no hash. */
  readonly unhashed: (reader: RecordReader, event: SensorEvent, why: Unhashed) => void;
  readonly publish: (event: SensorEvent) => void;
  /** Milliseconds. */
  readonly now: () => number;
};

/** Hashing the largest file takes some seconds of a slow disk. */
const limitMs = 5_000;
const keptEvents = 1_024;
const keptBytes = 8 * 1024 * 1024;

/**
 * Events of policies that want the hash of a file, until its RECORD_HASH arrives: the kernel computes it after the
 * call was decided. One that does not arrive in time, and the oldest if too many wait, are published without it.
 */
export class AwaitedHashes {
  readonly #deps: Deps;
  /** The oldest first. */
  #waiting: Awaited[] = [];
  #bytes = 0;
  #unhashed = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Events that were published without the hash that a policy wants. */
  get unhashed(): number {
    return this.#unhashed;
  }

  /** Publishes the event when its hash is known. `reader`: of a copy of its record. */
  hold(event: SensorEvent, reader: RecordReader): void {
    const { offsets, now } = this.#deps;
    const sizeBytes = reader.length + textBytes(event);
    const [tid, time] = [reader.u32(offsets.tid), reader.u64(offsets.time)];
    this.#waiting.push({ event, reader, tid, time, sinceMs: now(), sizeBytes });
    this.#bytes += sizeBytes;
    while (this.#waiting.length > keptEvents || this.#bytes > keptBytes)
      this.#release(this.#waiting.slice(0, 1), "late");
  }

  /** The RECORD_HASH at `reader`: of all events of the thread since the call began. */
  take(reader: RecordReader): void {
    const { offsets, publish } = this.#deps;
    const tid = reader.u32(offsets.tid);
    const since = reader.u64(offsets.hash.since);
    const found = readFileHash(reader, offsets);
    const own = this.#waiting.filter((one) => one.tid === tid);
    // A thread makes one call after the other: the hash of an earlier one was lost.
    const [now, before] = [
      own.filter(({ time }) => time >= since),
      own.filter(({ time }) => time < since),
    ];
    this.#release(before, "late");
    if (found.unhashed !== undefined) {
      this.#release(now, found.unhashed);
      return;
    }
    this.#drop(now);
    for (const { event } of now) {
      event.imaHash = found.hash;
      publish(event);
    }
  }

  /** The event of the record at `reader` will have no hash. */
  refuse(event: SensorEvent, reader: RecordReader, why: Unhashed): void {
    this.#unhashed++;
    this.#deps.unhashed(reader, event, why);
    this.#deps.publish(event);
  }

  /** Publishes those that have waited for too long. Call it every second. */
  expire(): void {
    const until = this.#deps.now() - limitMs;
    this.#release(
      this.#waiting.filter(({ sinceMs }) => sinceMs <= until),
      "late",
    );
  }

  /** Publishes all. */
  flush(): void {
    this.#release(this.#waiting, "late");
  }

  #release(events: readonly Awaited[], why: Unhashed): void {
    this.#drop(events);
    for (const { event, reader } of events) this.refuse(event, reader, why);
  }

  #drop(events: readonly Awaited[]): void {
    if (events.length === 0) return;
    const dropped = new Set(events);
    this.#waiting = this.#waiting.filter((one) => !dropped.has(one));
    for (const { sizeBytes } of events) this.#bytes -= sizeBytes;
  }
}

/** Long buffers are not in the record. */
function textBytes({ args, argCount }: SensorEvent): number {
  return args.slice(0, argCount).reduce((sum, { text }) => sum + text.end - text.start, 0);
}
