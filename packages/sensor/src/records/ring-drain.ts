// SPDX-License-Identifier: Apache-2.0
import { RecordReader } from "./record-reader.ts";

/** A ring of records; the reader of a BPF ring buffer fits. */
export type RecordRing = {
  /** The current record lies in here; nearly always the same memory. */
  readonly bytes: Uint8Array;
  /** Of the current record. */
  readonly offset: number;
  readonly length: number;
  /** Moves to the next record, if there is one and no more than `limitBytes` are taken. */
  next(limitBytes?: number): boolean;
  /** Hands the room of what was read back. */
  release(): void;
  /** What waits. */
  readonly availableBytes: number;
  /** What it can hold. */
  readonly sizeBytes: number;
};

export type RingDrainOptions = {
  /** How often it looks by itself, in ms. */
  readonly intervalMs?: number;
  /** So often in vain, then it sleeps. */
  readonly emptyLooks?: number;
  /** Read at most in one turn of the event loop, so that everything else gets its turn too. */
  readonly turnBytes?: number;
  /** And for how long, in ms: where the CPU is slow, that is less. */
  readonly turnMs?: number;
  /** Handed back to the ring at a time. */
  readonly sliceBytes?: number;
};

/** How long it waits for who is behind. */
export type Patience = {
  readonly ms: number;
  /** The part of the ring that may fill meanwhile. */
  readonly share: number;
};

export type RingDrainDeps = {
  readonly ring: RecordRing;
  readonly take: (reader: RecordReader) => void;
  /** A record that could not be taken; the next one is. */
  readonly onError: (error: unknown) => void;
  /** After each slice. */
  readonly afterSlice: () => void;
  /**
   * Who takes the events is about to have no room: resolves when there is. Until then what comes
   * may wait in the ring. undefined: there is room, or no hope of any.
   */
  readonly behind?: () => Promise<unknown> | undefined;
  readonly patience?: () => Patience;
  /**
   * It does not look by itself from now on, or again: somebody must call `wake` for what comes. Given
   * one interval ahead. Without it, it always looks.
   */
  readonly onSleep?: (asleep: "asleep" | "awake") => void;
};

export type RingDrain = {
  start(): void;
  /** Something waits: look at once. */
  wake(): void;
  /** Reads what is there and stops. */
  stop(): void;
  readonly records: () => number;
  /** The most bytes that waited in the ring since this was asked last. */
  takeFullest(): number;
};

const lookMs = 5;
const never = () => undefined;

export function createRingDrain(deps: RingDrainDeps, options: RingDrainOptions = {}): RingDrain {
  const { ring, take, onError, afterSlice } = deps;
  const { behind = () => undefined, patience = () => ({ ms: 1_000, share: 0.5 }) } = deps;
  const { intervalMs = 20, turnBytes = 1024 * 1024, turnMs = 20 } = options;
  const { sliceBytes = Math.min(64 * 1024, ring.sizeBytes / 32), emptyLooks = 50 } = options;
  const reader = new RecordReader();
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let looksInVain = 0;
  let fullest = 0;
  let isScheduled = false;
  let records = 0;

  // hot: bench/event-encoding
  const slice = (enough: () => unknown): boolean => {
    fullest = Math.max(fullest, ring.availableBytes);
    if (!ring.next(sliceBytes)) return false;
    do {
      records++;
      if (reader.bytes !== ring.bytes) reader.over(ring.bytes);
      reader.at(ring.offset, ring.length);
      try {
        take(reader);
      } catch (error) {
        onError(error);
      }
      // A record may make a line a thousand times its size.
    } while (enough() === undefined && ring.next(sliceBytes));
    ring.release();
    afterSlice();
    return ring.availableBytes > 0;
  };

  const isCrowded = () => ring.availableBytes > ring.sizeBytes * patience().share;

  /** Until the ring is empty, the turn is over, or somebody is behind. `first` ends the first slice. */
  const run = (first: () => unknown = behind) => {
    isScheduled = false;
    if (!isRunning) return;
    const before = ring.availableBytes;
    const endAt = performance.now() + turnMs;
    for (let enough = first; slice(isCrowded() ? never : enough); enough = behind) {
      const room = isCrowded() ? undefined : behind();
      if (room !== undefined) {
        goOnAfter(room);
        return;
      }
      if (before - ring.availableBytes >= turnBytes || performance.now() >= endAt) {
        wake();
        return;
      }
    }
  };

  /** A file gets the time to take what it has, but not at the price of what others could still see. */
  const goOnAfter = (room: Promise<unknown>) => {
    isScheduled = true;
    const giveUpAt = performance.now() + patience().ms;
    let look: NodeJS.Timeout | undefined;
    const goOn = (enough: () => unknown) => {
      if (look === undefined) return;
      clearInterval(look);
      look = undefined;
      run(enough);
    };
    look = setInterval(() => {
      if (performance.now() >= giveUpAt) goOn(never);
      else if (isCrowded() || behind() === undefined) goOn(behind);
    }, lookMs);
    const whenThereIsRoom = () => goOn(behind);
    room.then(whenThereIsRoom, whenThereIsRoom);
  };

  const look = () => {
    if (isScheduled) return;
    const before = records;
    run();
    if (records !== before) {
      stayAwake();
      return;
    }
    looksInVain++;
    if (deps.onSleep === undefined || looksInVain < emptyLooks) return;
    // One more look after it is said: a record may have come just before.
    if (looksInVain === emptyLooks) {
      deps.onSleep("asleep");
      return;
    }
    clearInterval(timer);
    timer = undefined;
  };

  const stayAwake = () => {
    if (looksInVain >= emptyLooks) deps.onSleep?.("awake");
    looksInVain = 0;
    timer ??= setInterval(look, intervalMs);
  };

  const wake = () => {
    if (isScheduled || !isRunning) return;
    isScheduled = true;
    setImmediate(() => {
      run();
      if (isRunning) stayAwake();
    });
  };

  return {
    records: () => records,
    takeFullest() {
      const bytes = Math.max(fullest, ring.availableBytes);
      fullest = 0;
      return bytes;
    },
    wake,
    start() {
      isRunning = true;
      // Who was here before may have died in its sleep.
      deps.onSleep?.("awake");
      stayAwake();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      isRunning = false;
      // What programs go on writing meanwhile is not waited for.
      const until = ring.availableBytes;
      for (let read = 0; read < until; ) {
        const before = ring.availableBytes;
        if (!slice(never)) break;
        read += Math.max(sliceBytes, before - ring.availableBytes);
      }
    },
  };
}
