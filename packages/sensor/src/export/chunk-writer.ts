// SPDX-License-Identifier: Apache-2.0
import { type Chunk, ChunkQueue } from "./chunk-queue.ts";

/** The destination of lines. Receives whole chunks of lines, one after the other. */
export type LineSink = {
  /** Called before the first byte of a chunk: the place to start a new file. */
  beforeChunk(length: number): Promise<void>;
  /** Writes some of the bytes and returns how many; throws if it can't at the moment. */
  write(bytes: Buffer, offset: number, length: number): Promise<number>;
  close(): Promise<void>;
};

type ChunkWriterOptions = {
  readonly chunkBytes?: number;
  /** The most bytes that wait for a slow sink; further lines are dropped and counted. */
  readonly maxQueuedBytes?: number;
  readonly retryMs?: number;
  /** How long `close` keeps trying. */
  readonly closeTimeoutMs?: number;
  /** The line that gives the number of lines missing at its place. */
  readonly mark: (dropped: number) => Buffer;
  /** Called once when writing starts to fail, with the error, and `onRecovery` once when it works again. */
  readonly onTrouble: (error: unknown) => void;
  readonly onRecovery: () => void;
};

type ChunkWriterCounters = { written: number; writtenBytes: number; dropped: number };

/**
 * Lines on their way to a sink: gathered into chunks, so that a system call carries hundreds of them, and
 * bounded. If the sink fails, waiting lines are kept and retried, from the byte where it stopped, so that
 * lines stay whole. accepted = written + waiting; offered = accepted + dropped.
 */
type ChunkWriter = {
  readonly counters: ChunkWriterCounters;
  /** hot: whether there is room for one more line. If not, it counts as dropped: do not encode it. */
  accepts(): boolean;
  /** hot: stores a copy of the line (bench/event-encoding). */
  line(bytes: Buffer, length: number): void;
  /** Events are missing here for another reason: the next mark includes them. */
  missing(count: number): void;
  /** Passes on the gathered lines. */
  flush(): void;
  /**
   * More than half of the limit is waiting: resolves when much of it is written. undefined: there is room, or
   * the sink fails or hangs, and waiting would not help.
   */
  behind(): Promise<void> | undefined;
  /** Resolves when everything flushed before is written, or the sink fails. */
  idle(): Promise<void>;
  close(): Promise<void>;
};

const hangsAfterMs = 1_000;

export function createChunkWriter(sink: LineSink, options: ChunkWriterOptions): ChunkWriter {
  return new Writer(sink, options);
}

class Writer implements ChunkWriter {
  readonly counters = { written: 0, writtenBytes: 0, dropped: 0 };
  readonly #sink: LineSink;
  readonly #options: ChunkWriterOptions;
  readonly #queue: ChunkQueue;
  readonly #chunkBytes: number;
  readonly #maxQueuedBytes: number;
  /** Not marked yet. */
  #missing = 0;
  #running: Promise<void> | undefined;
  #isFailing = false;
  #wakeRetry: (() => void) | undefined;
  #caughtUp: PromiseWithResolvers<void> | undefined;
  #progressAt = Date.now();
  #giveUpAt = Number.POSITIVE_INFINITY;

  constructor(sink: LineSink, options: ChunkWriterOptions) {
    const { chunkBytes = 128 * 1024, maxQueuedBytes = 8 * 1024 * 1024 } = options;
    this.#sink = sink;
    this.#options = options;
    this.#chunkBytes = chunkBytes;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#queue = new ChunkQueue(chunkBytes);
  }

  accepts(): boolean {
    if (this.#hasRoom(1) && (this.#missing === 0 || this.#writeMark())) return true;
    this.#drop();
    return false;
  }

  line(bytes: Buffer, length: number): void {
    if (!this.#hasRoom(length) || (this.#missing > 0 && !this.#writeMark())) {
      this.#drop();
      return;
    }
    this.#queue.append(bytes, length, 1);
  }

  missing(count: number): void {
    this.#missing += count;
    this.#writeMark();
  }

  flush(): void {
    if (this.#missing > 0) this.#writeMark();
    // A short chunk behind others would only cause more system calls.
    if (this.#queue.first === undefined) this.#queue.closeChunk();
    if (this.#queue.first === undefined || this.#running !== undefined) return;
    this.#progressAt = Date.now();
    this.#running = this.#writeAll().finally(() => {
      this.#running = undefined;
    });
  }

  behind(): Promise<void> | undefined {
    if (this.#isFailing || this.#queue.closedBytes <= this.#maxQueuedBytes / 2) return undefined;
    if (Date.now() - this.#progressAt > hangsAfterMs) return undefined;
    this.#caughtUp ??= Promise.withResolvers();
    return this.#caughtUp.promise;
  }

  async idle(): Promise<void> {
    while (this.#queue.bytes > 0 && !this.#isFailing) {
      this.flush();
      await this.#running;
    }
  }

  async close(): Promise<void> {
    this.#giveUpAt = Date.now() + (this.#options.closeTimeoutMs ?? 3_000);
    this.#wakeRetry?.();
    await this.#running;
    if (this.#missing > 0) this.#writeMark();
    this.#queue.closeChunk();
    await this.#writeAll();
    this.counters.dropped += this.#queue.clear();
    await this.#sink.close();
  }

  #hasRoom(length: number): boolean {
    return this.#queue.bytes + length <= this.#maxQueuedBytes;
  }

  #drop(): void {
    this.counters.dropped++;
    this.#missing++;
  }

  #writeMark(): boolean {
    const mark = this.#options.mark(this.#missing);
    // Needs room for further lines, too: otherwise the next mark would follow at once.
    if (!this.#hasRoom(mark.length + this.#chunkBytes)) return false;
    this.#queue.append(mark, mark.length, 0);
    this.#missing = 0;
    return true;
  }

  /** Until nothing waits, or `close` gives up. */
  async #writeAll(): Promise<void> {
    for (let chunk = this.#queue.first; chunk !== undefined; chunk = this.#queue.first) {
      try {
        await this.#writeChunk(chunk);
      } catch (error) {
        if (!this.#isFailing) this.#options.onTrouble(error);
        this.#isFailing = true;
        this.#letGo();
        if (Date.now() >= this.#giveUpAt) return;
        await this.#waitForRetry();
        continue;
      }
      if (this.#isFailing) this.#options.onRecovery();
      this.#isFailing = false;
      this.#written(chunk);
    }
  }

  async #writeChunk(chunk: Chunk): Promise<void> {
    await this.#sink.beforeChunk(chunk.length);
    for (let done = 0; done < chunk.length; ) {
      done += await this.#sink.write(chunk.bytes, done, chunk.length - done);
      // The bytes written need not be written again if the rest fails.
      if (done < chunk.length) {
        this.#queue.cutFirst(done);
        this.counters.writtenBytes += done;
        done = 0;
      }
    }
  }

  #written({ lines, length }: Chunk): void {
    this.counters.written += lines;
    this.counters.writtenBytes += length;
    this.#queue.removeFirst();
    this.#progressAt = Date.now();
    if (this.#queue.closedBytes <= this.#maxQueuedBytes / 4) this.#letGo();
  }

  #letGo(): void {
    this.#caughtUp?.resolve();
    this.#caughtUp = undefined;
  }

  async #waitForRetry(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.retryMs ?? 1_000);
      this.#wakeRetry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
