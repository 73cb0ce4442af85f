// SPDX-License-Identifier: Apache-2.0

/** Where lines end up. Each call gets whole chunks of lines, one after the other. */
export type LineSink = {
  /** Called before the first byte of a chunk: the place to start a new file. */
  beforeChunk(length: number): Promise<void>;
  /** Writes some of the bytes and gives how many; throws if it can't at the moment. */
  write(bytes: Buffer, offset: number, length: number): Promise<number>;
  close(): Promise<void>;
};

export type ChunkWriterOptions = {
  readonly chunkBytes?: number;
  /** What may wait for a slow sink; beyond that lines are dropped and counted. */
  readonly maxQueuedBytes?: number;
  readonly retryMs?: number;
  /** How long `close` goes on trying. */
  readonly closeTimeoutMs?: number;
  /** The line that says how many are missing at its place. */
  readonly mark: (dropped: number) => Buffer;
  /** Told once when writing begins to fail, with the error, and once when it works again. */
  readonly onTrouble: (error: unknown) => void;
  readonly onRecovery: () => void;
};

export type ChunkWriterCounters = { written: number; writtenBytes: number; dropped: number };

/**
 * Lines on their way to a sink: gathered into chunks, so that a system call carries hundreds of
 * them, and bounded. If the sink fails, what waits is kept and tried again, from the byte where it
 * stopped, so lines stay whole. accepted = written + waiting; offered = accepted + dropped.
 */
export type ChunkWriter = {
  readonly counters: ChunkWriterCounters;
  /** hot: whether there is room for one more line. If not, it is counted as dropped: do not make it. */
  accepts(): boolean;
  /** hot: takes a copy of the line (bench/event-encoding). */
  line(bytes: Buffer, length: number): void;
  /** Events are missing here for another reason: the next mark counts them too. */
  missing(count: number): void;
  /** Lets go of what was gathered. */
  flush(): void;
  /**
   * More than half of what may wait is waiting: resolves when much of it is written. undefined: there
   * is room, or the sink fails or hangs, and waiting would not help.
   */
  behind(): Promise<void> | undefined;
  /** Everything that was flushed before is written, or the sink fails. */
  idle(): Promise<void>;
  close(): Promise<void>;
};

const hangsAfterMs = 1_000;

type Chunk = { bytes: Buffer; length: number; lines: number };

export function createChunkWriter(sink: LineSink, options: ChunkWriterOptions): ChunkWriter {
  const { chunkBytes = 128 * 1024, maxQueuedBytes = 8 * 1024 * 1024 } = options;
  const { retryMs = 1_000, closeTimeoutMs = 3_000 } = options;
  const counters = { written: 0, writtenBytes: 0, dropped: 0 };
  const free: Buffer[] = [];
  const queue: Chunk[] = [];
  let queuedBytes = 0;
  let missing = 0;
  let running: Promise<void> | undefined;
  let isFailing = false;
  let wakeRetry: (() => void) | undefined;
  let caughtUp: PromiseWithResolvers<void> | undefined;
  let progressAt = Date.now();
  let giveUpAt = Number.POSITIVE_INFINITY;

  const newChunk = (size: number): Chunk => {
    const known = size <= chunkBytes ? free.pop() : undefined;
    const bytes = known ?? Buffer.allocUnsafeSlow(Math.max(size, chunkBytes));
    return { bytes, length: 0, lines: 0 };
  };
  let current = newChunk(0);

  const enqueue = () => {
    if (current.length === 0) return;
    queue.push(current);
    queuedBytes += current.length;
    current = newChunk(0);
  };

  const append = (bytes: Buffer, length: number) => {
    if (current.length + length > current.bytes.length) {
      enqueue();
      if (length > current.bytes.length) current = newChunk(length);
    }
    bytes.copy(current.bytes, current.length, 0, length);
    current.length += length;
  };

  const hasRoom = (length: number) => queuedBytes + current.length + length <= maxQueuedBytes;

  const writeMark = () => {
    const mark = options.mark(missing);
    // Room for what comes behind it too: a mark alone would only be followed by the next one.
    if (!hasRoom(mark.length + chunkBytes)) return false;
    append(mark, mark.length);
    missing = 0;
    return true;
  };

  const drop = () => {
    counters.dropped++;
    missing++;
  };

  const letGo = () => {
    caughtUp?.resolve();
    caughtUp = undefined;
  };

  const writeChunk = async (chunk: Chunk) => {
    await sink.beforeChunk(chunk.length);
    for (let done = 0; done < chunk.length; ) {
      done += await sink.write(chunk.bytes, done, chunk.length - done);
      // What is written need not be written again when the rest fails.
      if (done < chunk.length) {
        chunk.bytes.copyWithin(0, done, chunk.length);
        chunk.length -= done;
        queuedBytes -= done;
        counters.writtenBytes += done;
        done = 0;
      }
    }
  };

  const run = async () => {
    for (let chunk = queue[0]; chunk !== undefined; chunk = queue[0]) {
      try {
        await writeChunk(chunk);
      } catch (error) {
        if (!isFailing) options.onTrouble(error);
        isFailing = true;
        letGo();
        if (Date.now() >= giveUpAt) return;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, retryMs);
          wakeRetry = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        continue;
      }
      if (isFailing) options.onRecovery();
      isFailing = false;
      queue.shift();
      queuedBytes -= chunk.length;
      counters.written += chunk.lines;
      counters.writtenBytes += chunk.length;
      progressAt = Date.now();
      if (queuedBytes <= maxQueuedBytes / 4) letGo();
      if (chunk.bytes.length === chunkBytes && free.length < 8) free.push(chunk.bytes);
    }
  };

  const flush = () => {
    if (missing > 0) writeMark();
    // A short chunk that waits behind others would only make more system calls.
    if (queue.length === 0) enqueue();
    if (queue.length > 0 && running === undefined) {
      progressAt = Date.now();
      running = run().finally(() => {
        running = undefined;
      });
    }
  };

  return {
    counters,
    flush,
    accepts() {
      if (hasRoom(1) && (missing === 0 || writeMark())) return true;
      drop();
      return false;
    },
    line(bytes, length) {
      if (!hasRoom(length) || (missing > 0 && !writeMark())) {
        drop();
        return;
      }
      append(bytes, length);
      current.lines++;
    },
    missing(count) {
      missing += count;
      writeMark();
    },
    behind() {
      if (isFailing || queuedBytes <= maxQueuedBytes / 2) return undefined;
      if (Date.now() - progressAt > hangsAfterMs) return undefined;
      caughtUp ??= Promise.withResolvers();
      return caughtUp.promise;
    },
    async idle() {
      while ((queue.length > 0 || current.length > 0) && !isFailing) {
        flush();
        await running;
      }
    },
    async close() {
      giveUpAt = Date.now() + closeTimeoutMs;
      wakeRetry?.();
      await running;
      if (missing > 0) writeMark();
      enqueue();
      await run();
      for (const { lines } of queue) counters.dropped += lines;
      queue.length = 0;
      await sink.close();
    },
  };
}
