// SPDX-License-Identifier: Apache-2.0
import { formatSecond, type TextView } from "@gander/proto";
import { jsonText } from "./json-text.ts";
import { viewToString } from "./text-view.ts";

/** Below that, calling copy costs more than copying: 15 ns against 1 ns a byte. */
const shortBytes = 12;
/** The same for characters of a string: 30 ns against 2 ns each. */
const shortAscii = 16;
/** Text up to this length is checked character by character. */
const shortText = 256;
/** Seconds whose text is cached: events and starts of processes alternate. */
const keptSeconds = 8;
const quote = 0x22;
const backslash = 0x5c;

/** A growing buffer for one line of JSON; `bytes` up to `length` is the content. */
export class LineBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  length = 0;
  readonly #seconds = new Float64Array(keptSeconds).fill(-1);
  readonly #secondTexts: Uint8Array[] = new Array(keptSeconds).fill(new Uint8Array());

  // hot: bench/event-encoding
  raw(source: Uint8Array): void {
    const count = source.length;
    this.#reserve(count);
    const { bytes } = this;
    let at = this.length;
    if (count < shortBytes) for (let i = 0; i < count; i++) bytes[at++] = source[i] as number;
    else bytes.set(source, at);
    this.length += count;
  }

  /** Text that needs no escaping and is ASCII: names, numbers. */
  ascii(text: string): void {
    const count = text.length;
    this.#reserve(count);
    const { bytes } = this;
    let at = this.length;
    if (count < shortAscii) for (let i = 0; i < count; i++) bytes[at++] = text.charCodeAt(i);
    else bytes.write(text, at, "latin1");
    this.length += count;
  }

  /** A whole number from 0 to 2⁵³. */
  number(value: number): void {
    if (value > 999_999_999) {
      const upper = Math.floor(value / 1_000_000_000);
      this.number(upper);
      this.#digits(value - upper * 1_000_000_000, 9);
      return;
    }
    let count = 1;
    for (let limit = 10; value >= limit; limit *= 10) count++;
    this.#digits(value, count);
  }

  /** RFC 3339 in UTC, with 0, 3, 6 or 9 decimal places, as in protobuf's JSON. */
  time(seconds: number, nanos: number): void {
    const slot = seconds & (keptSeconds - 1);
    if (this.#seconds[slot] !== seconds) {
      this.#seconds[slot] = seconds;
      this.#secondTexts[slot] = Buffer.from(formatSecond(seconds));
    }
    this.raw(this.#secondTexts[slot] as Uint8Array);
    this.#reserve(11);
    if (nanos !== 0) {
      this.bytes[this.length++] = 0x2e;
      if (nanos % 1_000 !== 0) this.#digits(nanos, 9);
      else if (nanos % 1_000_000 !== 0) this.#digits(nanos / 1_000, 6);
      else this.#digits(nanos / 1_000_000, 3);
    }
    this.bytes[this.length++] = 0x5a;
  }

  /** Any text as a JSON string with its quotes. */
  string(text: string): void {
    const count = text.length;
    if (count > shortText) {
      this.#anyString(text);
      return;
    }
    this.#reserve(2 * count + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = quote;
    for (let i = 0; i < count; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e) {
        this.#anyString(text);
        return;
      }
      if (code === quote || code === backslash) bytes[at++] = backslash;
      bytes[at++] = code;
    }
    bytes[at++] = quote;
    this.length = at;
  }

  #anyString(text: string): void {
    const json = jsonText(text);
    this.#reserve(json.length * 3);
    this.length += this.bytes.write(json, this.length, "utf8");
  }

  /** A text of a record as a JSON string with its quotes. */
  text(view: TextView): void {
    if (!view.plain) {
      this.string(viewToString(view));
      return;
    }
    const { bytes: source, start, end } = view;
    const count = end - start;
    this.#reserve(count + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = quote;
    if (count < shortText) for (let i = start; i < end; i++) bytes[at++] = source[i] as number;
    else {
      bytes.set(source.subarray(start, end), at);
      at += count;
    }
    bytes[at] = quote;
    this.length += count + 2;
  }

  base64({ bytes, start, end }: TextView): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(
      "base64",
    );
    this.ascii('"');
    this.ascii(text);
    this.ascii('"');
  }

  /** The content from `start` on, as a copy. */
  copy(start: number): Uint8Array {
    return new Uint8Array(this.bytes.subarray(start, this.length));
  }

  /** Digits of a number below 2³¹. */
  #digits(value: number, count: number): void {
    this.#reserve(count);
    const { bytes } = this;
    // In 32-bit integers: then a division is a multiplication.
    let rest = value | 0;
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      bytes[at] = 0x30 + rest - next * 10;
      rest = next;
    }
    this.length += count;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed + 1024, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
