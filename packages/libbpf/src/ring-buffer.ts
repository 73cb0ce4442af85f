// SPDX-License-Identifier: Apache-2.0
import { argumentError, BpfError, closedError, errnoName } from "./bpf-error.ts";
import { checked } from "./handle.ts";
import type { BpfMap } from "./map.ts";
import { type NativePoll, native } from "./native.ts";

export interface RingBufferOptions {
  /**
   * Called from the event loop when there is something to read: once a wake-up, never per record.
   * It is called again as long as something is left unread.
   */
  readonly onReadable?: () => void;
  /** Whether waiting for records keeps the process running; true by default. */
  readonly keepAlive?: boolean;
}

// Bits of a record's header: kernel/bpf/ringbuf.c, documented in Documentation/bpf/ringbuf.rst.
const busyBit = 0x8000_0000;
const discardBit = 0x4000_0000;
const lengthMask = 0x3fff_ffff;
const headerBytes = 8;

/**
 * Reads a BPF_MAP_TYPE_RINGBUF in place. For each turn: next() until it gives false, reading `length`
 * bytes at `offset` of `bytes` each time; then release(), which hands the room back to the kernel.
 * What was read is valid until then, but for the one record in a round that goes over the ring's end:
 * it is copied, and `bytes` is other memory until the next record. One reader at a time for a map.
 *
 * (The kernel would map the data twice in a row, so that no record is cut. But all of a mapping counts
 * as resident memory: the second half would cost as much as the ring.)
 *
 * The memory is read-only: a write to `bytes` ends the process (JavaScript has no read-only arrays).
 */
export class RingBuffer implements Disposable {
  /** Of the current record in `bytes`; valid after next() gave true and until release(). */
  offset = 0;
  length = 0;
  /** The ring's size in bytes. */
  readonly sizeBytes: number;
  readonly #name: string;
  #buffers: readonly ArrayBuffer[];
  #data: Uint8Array;
  /** #data, or #joined. */
  #bytes: Uint8Array;
  #joined = new Uint8Array();
  #headers: Int32Array;
  #consumer: BigInt64Array;
  #producerLow: Int32Array;
  #poll: NativePoll | undefined;
  /** Positions modulo 2³²: a ring is at most 2³⁰ bytes, so differences are exact. */
  #position: number;
  #producer: number;
  #released: bigint;
  #releasedLow: number;
  #closed = false;

  constructor(map: BpfMap, options: RingBufferOptions = {}) {
    const { name, type, maxEntries } = map.shape;
    if (type !== "ringbuf")
      throw argumentError(`Cannot read map "${name}" as a ring: it is ${type}.`);
    const page = native().pageSize();
    const open = (offset: number, size: number, writable: boolean) =>
      checked(
        native().memoryMap(map.fd, offset, size, writable),
        "map ring",
        `Cannot map ring "${name}"`,
      );
    const consumer = open(0, page, true);
    const data = open(page, page + maxEntries, false);
    this.#name = name;
    this.sizeBytes = maxEntries;
    this.#buffers = [consumer, data];
    this.#consumer = new BigInt64Array(consumer);
    this.#producerLow = new Int32Array(data, 0, 1);
    this.#data = new Uint8Array(data, page);
    this.#bytes = this.#data;
    this.#headers = new Int32Array(data, page);
    this.#released = Atomics.load(this.#consumer, 0);
    this.#releasedLow = Number(BigInt.asIntN(32, this.#released));
    this.#position = this.#releasedLow;
    this.#producer = this.#releasedLow;
    try {
      if (options.onReadable !== undefined)
        this.#listen(map, options.onReadable, options.keepAlive);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Where the current record lies: the ring's data, or a copy. Never write to it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that wait to be read, headers included; also what a program hasn't finished writing. */
  get availableBytes(): number {
    this.#checkOpen();
    return (Atomics.load(this.#producerLow, 0) - this.#position) >>> 0;
  }

  /** Bytes that were read since the last release, headers included. */
  get takenBytes(): number {
    return (this.#position - this.#releasedLow) >>> 0;
  }

  /**
   * Moves to the next record; false where there is none, where a program is still writing it (an
   * order is kept, so nothing behind it is given either), or where `limitBytes` are taken in this
   * turn. Discarded records are passed over.
   */
  // hot: bench/src/phases/throughput.ts
  next(limitBytes = 0x7fff_ffff): boolean {
    if (this.#closed) throw closedError(`the ring of map "${this.#name}"`);
    for (;;) {
      const position = this.#position;
      if (position === this.#producer) {
        this.#producer = Atomics.load(this.#producerLow, 0);
        if (position === this.#producer) return false;
      }
      if ((position - this.#releasedLow) >>> 0 >= limitBytes) return false;
      const mask = this.sizeBytes - 1;
      const header = Atomics.load(this.#headers, (position & mask) >>> 2);
      if ((header & busyBit) !== 0) return false;
      const length = header & lengthMask;
      this.#position = (position + ((length + headerBytes + 7) & ~7)) | 0;
      if ((header & discardBit) !== 0) continue;
      this.offset = (position + headerBytes) & mask;
      this.length = length;
      this.#bytes = this.#data;
      if (this.offset + length > this.sizeBytes) this.#join();
      return true;
    }
  }

  /** Puts the two parts of the current record together. */
  #join(): void {
    const { offset, length } = this;
    if (this.#joined.length < length) this.#joined = new Uint8Array((length + 4095) & ~4095);
    const atEnd = this.sizeBytes - offset;
    this.#joined.set(this.#data.subarray(offset));
    this.#joined.set(this.#data.subarray(0, length - atEnd), atEnd);
    this.#bytes = this.#joined;
    this.offset = 0;
  }

  /** Returns the space of records that were read to the kernel. */
  release(): void {
    this.#checkOpen();
    const taken = this.takenBytes;
    if (taken === 0) return;
    this.#released += BigInt(taken);
    this.#releasedLow = this.#position;
    Atomics.store(this.#consumer, 0, this.#released);
  }

  /**
   * Reads up to `limitBytes`, calling `visit` for each record, and hands them back also when
   * `visit` throws. Gives the number of records.
   */
  drain(visit: (offset: number, length: number) => void, limitBytes = 0x7fff_ffff): number {
    let count = 0;
    try {
      while (this.next(limitBytes)) {
        count++;
        visit(this.offset, this.length);
      }
    } finally {
      if (!this.#closed) this.release();
    }
    return count;
  }

  /**
   * Whether `onReadable` is called; on at first. A program that looks by itself needs no calls, which come
   * in each turn of the event loop as long as records are written.
   */
  listen(whether: "on" | "off"): void {
    this.#checkOpen();
    if (this.#poll !== undefined) native().pollListen(this.#poll, whether === "on");
  }

  /** Stops waiting and takes the memory away: `bytes` is empty from here on. */
  close(): void {
    this.#checkOpen();
    this.#closed = true;
    if (this.#poll !== undefined) native().pollStop(this.#poll);
    this.#poll = undefined;
    for (const buffer of this.#buffers) native().memoryDetach(buffer);
    this.#buffers = [];
    this.#bytes = this.#data;
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #listen(map: BpfMap, onReadable: () => void, keepAlive = true): void {
    if (typeof onReadable !== "function") throw argumentError("onReadable must be a function.");
    const poll = native().pollStart(map.fd, (status) => {
      if (status < 0)
        throw new BpfError(errnoName(-status), `Cannot wait for ring "${this.#name}".`, {
          errno: -status,
          operation: "poll",
        });
      if (!this.#closed) onReadable();
    });
    this.#poll = checked(poll, "poll", `Cannot wait for ring "${this.#name}"`);
    if (!keepAlive) native().pollKeepAlive(this.#poll, false);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError(`the ring of map "${this.#name}"`);
  }
}
