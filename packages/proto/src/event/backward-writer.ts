// SPDX-License-Identifier: Apache-2.0

/**
 * Writes a protobuf message from its end to its start, so that every nested length is known when it is
 * written, without measuring first or moving bytes afterwards. Fields are therefore written in descending
 * order, and the value of each before its tag.
 *
 * The buffer is reused and grows: the result of `finish` is valid until the next `start`.
 */
export class BackwardWriter {
  #buffer: Buffer;
  #position: number;

  constructor(sizeBytes = 16 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(sizeBytes);
    this.#position = sizeBytes;
  }

  start(): void {
    this.#position = this.#buffer.length;
  }

  /** Everything written since `start`. */
  finish(): Buffer {
    return this.#buffer.subarray(this.#position);
  }

  /** Bytes from here to the end; the difference of two marks is the length between them. */
  mark(): number {
    return this.#buffer.length - this.#position;
  }

  bytes(source: Uint8Array): void {
    const { length } = source;
    if (length === 0) return;
    this.#reserve(length);
    this.#position -= length;
    this.#buffer.set(source, this.#position);
  }

  slice(source: Uint8Array, start: number, end: number): void {
    if (end - start > 64) {
      this.bytes(source.subarray(start, end));
      return;
    }
    this.#reserve(end - start);
    // hot: copying a few bytes by hand is faster than making a view of them (bench/event-encoding)
    for (let at = end - 1; at >= start; at--) this.#buffer[--this.#position] = source[at] as number;
  }

  /** UTF-8; lone surrogates become U+FFFD. */
  text(value: string): void {
    const { length } = value;
    this.#reserve(length * 3);
    const at = this.#position;
    for (let index = length - 1; index >= 0; index--) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.#position = at;
        this.bytes(Buffer.from(value, "utf8"));
        return;
      }
      this.#buffer[--this.#position] = code;
    }
  }

  /** An unsigned number of up to 32 bits. */
  varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1);
      this.#buffer[--this.#position] = value;
      return;
    }
    this.#varint(value >>> 0, 0);
  }

  /** 64 bits given as two unsigned halves. */
  varint64(low: number, high: number): void {
    this.#varint(low >>> 0, high >>> 0);
  }

  /** int32: negative numbers take ten bytes, because protobuf sign-extends them to 64 bits. */
  int32(value: number): void {
    this.#varint(value >>> 0, value < 0 ? 0xffffffff : 0);
  }

  /** A length-delimited field whose content was written after `since` was marked. */
  closeField(number: number, since: number): void {
    this.varint(this.mark() - since);
    this.varint((number << 3) | 2);
  }

  textField(number: number, value: string): void {
    const since = this.mark();
    this.text(value);
    this.closeField(number, since);
  }

  varintField(number: number, value: number): void {
    this.varint(value);
    this.varint(number << 3);
  }

  #varint(low: number, high: number): void {
    this.#reserve(10);
    let count = 1;
    for (let l = low, h = high; h !== 0 || l > 0x7f; count++) {
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.#position -= count;
    let at = this.#position;
    let l = low;
    let h = high;
    for (; count > 1; count--) {
      this.#buffer[at++] = (l & 0x7f) | 0x80;
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.#buffer[at] = l;
  }

  #reserve(count: number): void {
    if (count <= this.#position) return;
    const used = this.mark();
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, used + count + 1024));
    this.#buffer.copy(grown, grown.length - used, this.#position);
    this.#position = grown.length - used;
    this.#buffer = grown;
  }
}
