// SPDX-License-Identifier: Apache-2.0
import { argField, type EventArg } from "@gander/proto";
import { recordLimits } from "../link/abi.gen.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";

/** What the arguments of a record lack, by their position in it. */
export type MoreData = ReadonlyMap<number, BufferRest>;

/** More cannot wait: some 50 events with as much as an event carries. */
const keptBytes = 16 * 1024 * 1024;

/**
 * RECORD_DATA until their RECORD_HOOK arrives, which is next in the ring but for what other CPUs write. That of a
 * call whose record was lost is forgotten for later ones. An event whose data is incomplete has the size of the whole.
 */
export class CallData {
  readonly #offsets: RecordOffsets;
  readonly #keptBytes: number;
  /** By call, the oldest first. */
  readonly #calls = new Map<string, Map<number, BufferRest>>();
  #bytes = 0;

  constructor(offsets: RecordOffsets, limit: number = keptBytes) {
    this.#offsets = offsets;
    this.#keptBytes = limit;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  add(reader: RecordReader): void {
    const { data } = this.#offsets;
    const call = this.#keyOf(reader, data.rule);
    const argument = reader.u32(data.argument);
    const rests = this.#calls.get(call) ?? new Map<number, BufferRest>();
    this.#calls.set(call, rests);
    let rest = rests.get(argument);
    if (rest === undefined) {
      rest = new BufferRest(reader.u32(data.offset), reader.u32(data.total));
      rests.set(argument, rest);
      this.#bytes += rest.sizeBytes;
    }
    const { buffer, base } = reader;
    const start = base + data.size;
    const end = Math.min(start + reader.u32(data.bytes), base + reader.length);
    rest.add(reader.u32(data.offset), buffer.subarray(start, end));
    while (this.#bytes > this.#keptBytes) this.#forget(this.#calls.keys().next().value ?? call);
  }

  /** Of the RECORD_HOOK at `reader`; forgets it. */
  take(reader: RecordReader): MoreData | undefined {
    return this.#forget(this.#keyOf(reader, this.#offsets.hook.rule));
  }

  #keyOf(reader: RecordReader, rule: number): string {
    const { tid, time } = this.#offsets;
    return `${reader.u32(tid)} ${reader.u64(time)} ${reader.u32(rule)}`;
  }

  #forget(call: string): MoreData | undefined {
    const rests = this.#calls.get(call);
    this.#calls.delete(call);
    for (const { sizeBytes } of rests?.values() ?? []) this.#bytes -= sizeBytes;
    return rests;
  }
}

/** The bytes of a buffer from where the record of its call ends. */
class BufferRest {
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #total: number;
  #end: number;

  /** @param start the first offset in the buffer of `total` bytes. */
  constructor(start: number, total: number) {
    this.sizeBytes = Math.max(start, Math.min(total, recordLimits.MAX_DATA));
    this.#bytes = new Uint8Array(this.sizeBytes);
    this.#start = start;
    this.#end = start;
    this.#total = total;
  }

  add(offset: number, bytes: Uint8Array): void {
    if (offset !== this.#end || offset + bytes.length > this.#bytes.length) return;
    this.#bytes.set(bytes, offset);
    this.#end += bytes.length;
  }

  /** Adds it to a decoded argument, unless the record had no room for all that comes before. */
  complete(arg: EventArg): void {
    const { text } = arg;
    const isBuffer = arg.field === argField.bytes || arg.field === argField.truncatedBytes;
    if (!isBuffer || text.end - text.start !== this.#start) return;
    this.#bytes.set(text.bytes.subarray(text.start, text.end));
    text.bytes = this.#bytes;
    text.start = 0;
    text.end = this.#end;
    const isWhole = this.#end === this.#total;
    arg.field = isWhole ? argField.bytes : argField.truncatedBytes;
    if (!isWhole) arg.originalSize = this.#total;
  }
}
