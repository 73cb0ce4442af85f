// SPDX-License-Identifier: Apache-2.0

export type Chunk = { readonly bytes: Buffer; length: number; lines: number };

const maxSpare = 8;

/** Lines gathered into chunks of similar size, oldest first; the last one is still open. */
export class ChunkQueue {
  readonly #chunkBytes: number;
  readonly #spare: Buffer[] = [];
  readonly #closed: Chunk[] = [];
  #closedBytes = 0;
  #open: Chunk;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#open = this.#newChunk(0);
  }

  /** The oldest closed chunk. */
  get first(): Chunk | undefined {
    return this.#closed[0];
  }

  get closedBytes(): number {
    return this.#closedBytes;
  }

  get bytes(): number {
    return this.#closedBytes + this.#open.length;
  }

  /** hot: stores a copy (bench/event-encoding). */
  append(bytes: Buffer, length: number, lines: number): void {
    if (this.#open.length + length > this.#open.bytes.length) {
      this.closeChunk();
      if (length > this.#open.bytes.length) this.#open = this.#newChunk(length);
    }
    const open = this.#open;
    bytes.copy(open.bytes, open.length, 0, length);
    open.length += length;
    open.lines += lines;
  }

  closeChunk(): void {
    if (this.#open.length === 0) return;
    this.#closed.push(this.#open);
    this.#closedBytes += this.#open.length;
    this.#open = this.#newChunk(0);
  }

  /** Removes bytes from the start of the first chunk. */
  cutFirst(length: number): void {
    const chunk = this.#closed[0];
    if (chunk === undefined) return;
    chunk.bytes.copyWithin(0, length, chunk.length);
    chunk.length -= length;
    this.#closedBytes -= length;
  }

  removeFirst(): void {
    const chunk = this.#closed.shift();
    if (chunk === undefined) return;
    this.#closedBytes -= chunk.length;
    const isSpare = chunk.bytes.length === this.#chunkBytes && this.#spare.length < maxSpare;
    if (isSpare) this.#spare.push(chunk.bytes);
  }

  /** Drops the closed chunks; returns their number of lines. */
  clear(): number {
    const lines = this.#closed.reduce((sum, chunk) => sum + chunk.lines, 0);
    this.#closed.length = 0;
    return lines;
  }

  #newChunk(size: number): Chunk {
    const known = size <= this.#chunkBytes ? this.#spare.pop() : undefined;
    const bytes = known ?? Buffer.allocUnsafeSlow(Math.max(size, this.#chunkBytes));
    return { bytes, length: 0, lines: 0 };
  }
}
