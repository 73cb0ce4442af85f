// SPDX-License-Identifier: Apache-2.0
import { RecordReader } from "./record-reader.ts";

/** A ring of records; the reader of a BPF ring buffer has this interface. */
export type RecordRing = {
  /** Contains the current record; nearly always the same memory. */
  readonly bytes: Uint8Array;
  /** Position of the current record. */
  readonly offset: number;
  readonly length: number;
  /** Moves to the next record, if there is one and at most `limitBytes` are taken. */
  next(limitBytes?: number): boolean;
  /** Returns the space of the records read to the ring. */
  release(): void;
  /** Bytes that wait. */
  readonly availableBytes: number;
  /** Its capacity in bytes. */
  readonly sizeBytes: number;
};

type RingDrainOptions = {
  /** How often to poll, in ms. */
  readonly intervalMs?: number;
  /** After this many polls in vain it sleeps. */
  readonly emptyLooks?: number;
  /** The most bytes read in one turn of the event loop, so that everything else gets its turn. */
  readonly turnBytes?: number;
  /** The longest turn, in ms: on a slow CPU that is fewer bytes. */
  readonly turnMs?: number;
  /** Bytes read before their space is returned. */
  readonly sliceBytes?: number;
};

/** How long to wait for a slow consumer. */
export type Patience = {
  readonly ms: number;
  /** The part of the ring that may fill meanwhile. */
  readonly share: number;
};

type RingDrainDeps = {
  readonly ring: RecordRing;
  readonly take: (reader: RecordReader) => void;
  /** A record could not be handled; reading continues with the next one. */
  readonly onError: (error: unknown) => void;
  /** Called after each slice. */
  readonly afterSlice: () => void;
  /**
   * A consumer is about to run out of room: resolves when it has some. Until then records may wait in the
   * ring. undefined: there is room, or no hope of any.
   */
  readonly behind?: () => Promise<unknown> | undefined;
  readonly patience?: () => Patience;
  /**
   * While asleep, call `wake`; polling is off. Called one interval before polling stops, and when it starts
   * again. Without it, polling never stops.
   */
  readonly onSleep?: (asleep: "asleep" | "awake") => void;
};

export type RingDrain = {
  start(): void;
  /** Records wait: read them at once. */
  wake(): void;
  /** Reads the waiting records and stops. */
  stop(): void;
  readonly records: () => number;
  /** The most bytes that waited in the ring since the last call. */
  takeFullest(): number;
};

const lookMs = 5;
const never = () => undefined;

export function createRingDrain(deps: RingDrainDeps, options: RingDrainOptions = {}): RingDrain {
  return new Drain(deps, options);
}

class Drain implements RingDrain {
  readonly #deps: RingDrainDeps;
  readonly #ring: RecordRing;
  readonly #slices: Slices;
  readonly #behind: () => Promise<unknown> | undefined;
  readonly #patience: () => Patience;
  readonly #turn: { readonly bytes: number; readonly ms: number };
  readonly #intervalMs: number;
  readonly #emptyLooks: number;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isScheduled = false;
  #looksInVain = 0;

  constructor(deps: RingDrainDeps, options: RingDrainOptions) {
    const { ring, behind = never, patience = () => ({ ms: 1_000, share: 0.5 }) } = deps;
    const { intervalMs = 20, turnBytes = 1024 * 1024, turnMs = 20, emptyLooks = 50 } = options;
    this.#deps = deps;
    this.#ring = ring;
    this.#slices = new Slices(deps, options.sliceBytes ?? Math.min(64 * 1024, ring.sizeBytes / 32));
    this.#behind = behind;
    this.#patience = patience;
    this.#turn = { bytes: turnBytes, ms: turnMs };
    this.#intervalMs = intervalMs;
    this.#emptyLooks = emptyLooks;
  }

  records(): number {
    return this.#slices.records;
  }

  takeFullest(): number {
    return this.#slices.takeFullest();
  }

  start(): void {
    this.#isRunning = true;
    // An earlier sensor may have died while it was asleep.
    this.#deps.onSleep?.("awake");
    this.#stayAwake();
  }

  wake(): void {
    if (this.#isScheduled || !this.#isRunning) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#run();
      if (this.#isRunning) this.#stayAwake();
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#isRunning = false;
    this.#slices.readRest();
  }

  /** Until the ring is empty, the turn is over, or a consumer is behind. `first` ends the first slice. */
  #run(first: () => unknown = this.#behind): void {
    this.#isScheduled = false;
    if (!this.#isRunning) return;
    const ring = this.#ring;
    const before = ring.availableBytes;
    const endAt = performance.now() + this.#turn.ms;
    let enough = first;
    while (this.#slices.read(this.#isCrowded() ? never : enough)) {
      enough = this.#behind;
      const room = this.#isCrowded() ? undefined : this.#behind();
      if (room !== undefined) {
        this.#goOnAfter(room);
        return;
      }
      if (before - ring.availableBytes >= this.#turn.bytes || performance.now() >= endAt) {
        this.wake();
        return;
      }
    }
  }

  #isCrowded(): boolean {
    return this.#ring.availableBytes > this.#ring.sizeBytes * this.#patience().share;
  }

  /** Gives a file time to write what it has, but not at the cost of records that others could still get. */
  #goOnAfter(room: Promise<unknown>): void {
    this.#isScheduled = true;
    const giveUpAt = performance.now() + this.#patience().ms;
    let look: NodeJS.Timeout | undefined;
    const goOn = (enough: () => unknown) => {
      if (look === undefined) return;
      clearInterval(look);
      look = undefined;
      this.#run(enough);
    };
    look = setInterval(() => {
      if (performance.now() >= giveUpAt) goOn(never);
      else if (this.#isCrowded() || this.#behind() === undefined) goOn(this.#behind);
    }, lookMs);
    const whenThereIsRoom = () => goOn(this.#behind);
    room.then(whenThereIsRoom, whenThereIsRoom);
  }

  #look(): void {
    if (this.#isScheduled) return;
    const before = this.#slices.records;
    this.#run();
    if (this.#slices.records !== before) {
      this.#stayAwake();
      return;
    }
    this.#looksInVain++;
    const { onSleep } = this.#deps;
    if (onSleep === undefined || this.#looksInVain < this.#emptyLooks) return;
    // Polls once more after `onSleep`: a record may have been added just before.
    if (this.#looksInVain === this.#emptyLooks) {
      onSleep("asleep");
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #stayAwake(): void {
    if (this.#looksInVain >= this.#emptyLooks) this.#deps.onSleep?.("awake");
    this.#looksInVain = 0;
    this.#timer ??= setInterval(() => this.#look(), this.#intervalMs);
  }
}

/** Reads the ring slice by slice, and returns the space of each. */
class Slices {
  readonly #deps: RingDrainDeps;
  readonly #bytes: number;
  readonly #reader = new RecordReader();
  #fullest = 0;
  records = 0;

  constructor(deps: RingDrainDeps, bytes: number) {
    this.#deps = deps;
    this.#bytes = bytes;
  }

  /** hot: reads a slice, or until it is `enough`; returns whether more waits (bench/event-encoding). */
  read(enough: () => unknown): boolean {
    const { ring, take, onError, afterSlice } = this.#deps;
    const reader = this.#reader;
    const bytes = this.#bytes;
    this.#fullest = Math.max(this.#fullest, ring.availableBytes);
    if (!ring.next(bytes)) return false;
    do {
      this.records++;
      if (reader.bytes !== ring.bytes) reader.over(ring.bytes);
      reader.at(ring.offset, ring.length);
      try {
        take(reader);
      } catch (error) {
        onError(error);
      }
      // A line may be a thousand times as large as its record.
    } while (enough() === undefined && ring.next(bytes));
    ring.release();
    afterSlice();
    return ring.availableBytes > 0;
  }

  /** Does not wait for records that programs write meanwhile. */
  readRest(): void {
    const { ring } = this.#deps;
    const until = ring.availableBytes;
    for (let read = 0; read < until; ) {
      const before = ring.availableBytes;
      if (!this.read(never)) break;
      read += Math.max(this.#bytes, before - ring.availableBytes);
    }
  }

  takeFullest(): number {
    const bytes = Math.max(this.#fullest, this.#deps.ring.availableBytes);
    this.#fullest = 0;
    return bytes;
  }
}
