// SPDX-License-Identifier: Apache-2.0

/**
 * Loads numbers from the record at `base` of `bytes`. Records are at multiples of 8 and their fields at
 * natural alignment, which allows typed arrays over the same memory, several times faster than a DataView;
 * both sides use the machine's byte order.
 */
export class RecordReader {
  bytes: Uint8Array;
  /** The same memory, for texts. */
  buffer: Buffer = Buffer.alloc(0);
  base = 0;
  length = 0;
  #u16: Uint16Array;
  #u32: Uint32Array;

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.bytes = bytes;
    this.#u16 = new Uint16Array();
    this.#u32 = new Uint32Array();
    this.over(bytes);
  }

  /** From now on records are in `bytes`, which starts at a multiple of 8 in its memory. */
  over(bytes: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = bytes;
    this.bytes = bytes;
    this.buffer = Buffer.from(buffer, byteOffset, byteLength);
    this.#u16 = new Uint16Array(buffer, byteOffset, byteLength >> 1);
    this.#u32 = new Uint32Array(buffer, byteOffset, byteLength >> 2);
  }

  /** Moves to a record. */
  at(base: number, length: number): void {
    this.base = base;
    this.length = length;
  }

  // hot: bench/event-encoding
  u8(offset: number): number {
    return this.bytes[this.base + offset] as number;
  }

  u16(offset: number): number {
    return this.#u16[(this.base + offset) >> 1] as number;
  }

  u32(offset: number): number {
    return this.#u32[(this.base + offset) >> 2] as number;
  }

  s32(offset: number): number {
    return (this.#u32[(this.base + offset) >> 2] as number) | 0;
  }

  /** The upper half of a 64-bit number. */
  high(offset: number): number {
    return this.#u32[(this.base + offset + 4) >> 2] as number;
  }

  u64(offset: number): bigint {
    const high = this.high(offset);
    // Below 2⁵³ a number is exact, and one bigint is made instead of four.
    if (high < 0x20_0000) return BigInt(high * 0x1_0000_0000 + this.u32(offset));
    return (BigInt(high) << 32n) | BigInt(this.u32(offset));
  }
}
