// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { type EventEnvelope, eventKindRows } from "@gander/proto";
import type { EventRules, OfferRequest } from "../events/event-rule.ts";
import { type AncestorKinds, createEventSource, type EventSource } from "../events/event-source.ts";
import { createHookDecoder } from "../events/hook-decoder.ts";
import { createLifecycle } from "../events/lifecycle.ts";
import { createStackTraces } from "../events/stack-traces.ts";
import type { Redact } from "../filters/redaction.ts";
import { recordFlags, recordType } from "../link/abi.gen.ts";
import type { FuseChange } from "../policy/index.ts";
import type { NamespaceIds } from "../process/process-details.ts";
import { ProcessTable } from "../process/process-table.ts";
import type { SessionCounts } from "../process/session-requests.ts";
import { Sessions } from "../process/sessions.ts";
import { createKernelClock, type KernelClock } from "../records/kernel-time.ts";
import {
  type RecordLayouts,
  type RecordOffsets,
  recordOffsets,
} from "../records/record-layouts.ts";
import { RecordReader } from "../records/record-reader.ts";
import { createRingDrain, type RecordRing, type RingDrain } from "../records/ring-drain.ts";
import { withArguments } from "../records/task-arguments.ts";
import type { Cgroups } from "../workload/cgroups.ts";
import { createEventPublisher, type EventPublisher } from "./event-publisher.ts";
import { publishFuse } from "./fuse-notice.ts";

/** The pipeline's view of the kernel side. */
export type EventKernel = {
  readonly layouts: RecordLayouts;
  readonly rings: { readonly events: RecordRing; readonly urgent: RecordRing };
  /** What the sensor found when it started: nothing, or programs that have been writing for long. */
  readonly found: "nothing" | "same" | "other";
  bootTimeOffsetNs(): bigint;
  /** RECORD_TASK of all processes, concatenated, without their arguments. */
  scanTasks(): Uint8Array;
  setWatched(watched: "watched" | "unwatched"): void;
  /** While asleep, the ring is not polled: the first record in an empty ring must call back. */
  setAsleep(asleep: "asleep" | "awake"): void;
  /** Called when a ring can be read. */
  onReadable(listener: () => void): void;
  /** Records of all kinds that make events for which the ring had no room, since the programs were loaded. */
  lostEvents(): bigint;
};

type EventPipelineDeps = {
  readonly kernel: EventKernel;
  readonly rules: EventRules;
  readonly cgroups: Cgroups;
  /** The contents of /proc/PID/cmdline; undefined: not available. Must not take long. */
  readonly commandLines: (pids: readonly number[]) => Promise<readonly (Buffer | undefined)[]>;
  readonly logger: Logger;
  /** Absent: no action makes a request. */
  readonly offerRequest?: OfferRequest | undefined;
};

export type EventPipelineOptions = {
  readonly envelope: EventEnvelope;
  readonly processCacheSize: number;
  readonly withCredentials: boolean;
  readonly withNamespaces: boolean;
  readonly hostNamespaces: NamespaceIds;
  /** Names as in the flag: base, kprobe, tracepoint, uprobe, lsm, usdt. */
  readonly ancestors: readonly string[];
  readonly exposeStackAddresses: boolean;
  readonly redact: Redact;
};

type PipelineCounters = {
  readonly records: number;
  readonly unknownRecords: number;
  /** Records that could not be decoded: a bug in Gander. */
  readonly failedRecords: number;
  /** Events without the hash of a file that their policy wants. */
  readonly unhashedEvents: number;
  /** Records lost in the kernel for lack of room, as marked in the streams. */
  readonly lostInKernel: number;
  /** Known to the sensor; counts of what is not are in `processes.counters`. */
  readonly cgroups: number;
  readonly sessions: Readonly<SessionCounts>;
};

export type EventPipeline = AsyncDisposable & {
  readonly processes: ProcessTable;
  /** Who started the commands that come into containers from outside. */
  readonly sessions: Sessions;
  /** For adding consumers; add those that need the earlier processes before you call `start`. */
  readonly events: Pick<
    EventPublisher,
    "addLines" | "addMessages" | "markLine" | "markMessage" | "setNodeLabels"
  >;
  start(): Promise<void>;
  /** Puts what became of a policy's fuse into all streams. */
  announce(change: FuseChange): void;
  counters(): PipelineCounters;
};

const secondMs = 1_000;

/** Below three quarters of the ring nothing is refused for lack of room. */
const lossShare = 0.7;

/**
 * While a file is behind, records wait in the ring. Up to three quarters of it that costs nothing; beyond
 * that the kernel refuses, and counts, records of policies, so that the rest is available for processes. Live
 * clients do not wait for a file.
 */
const patience = {
  alone: { ms: 10_000, share: 0.75 },
  watched: { ms: 100, share: 0.25 },
};

/** Turns records of the rings into events for all consumers. */
export function createEventPipeline(
  deps: EventPipelineDeps,
  options: EventPipelineOptions,
): EventPipeline {
  return new Pipeline(deps, options);
}

class Pipeline implements EventPipeline {
  readonly processes: ProcessTable;
  readonly sessions: Sessions;
  readonly events: EventPipeline["events"];
  readonly #deps: EventPipelineDeps;
  readonly #offsets: RecordOffsets;
  readonly #clock: KernelClock;
  readonly #publisher: EventPublisher;
  readonly #source: EventSource;
  readonly #drain: RingDrain;
  readonly #losses: ReturnType<typeof watchLosses>;
  readonly #timers: NodeJS.Timeout[] = [];
  #seconds = 0;
  #failed = 0;

  constructor(deps: EventPipelineDeps, options: EventPipelineOptions) {
    const { kernel, cgroups, rules, offerRequest } = deps;
    const { nodeName } = options.envelope;
    const offsets = recordOffsets(kernel.layouts);
    const clock = createKernelClock(kernel.bootTimeOffsetNs());
    const table = new ProcessTable({
      nodeName,
      maxEntries: options.processCacheSize,
      wallTime: clock.wallTime,
    });
    const sessions = new Sessions({ table, now: () => performance.now() });
    cgroups.onReplaced((replaced) => {
      table.replaceWorkloads(replaced);
      sessions.workloadsChanged();
    });
    const publisher = createEventPublisher(options.envelope);
    const lifecycle = createLifecycle({ table, offsets, workloads: cgroups, sessions }, options);
    const stacks = createStackTraces({ exposeAddresses: options.exposeStackAddresses });
    const hooks = createHookDecoder({ offsets, rules, lifecycle, stacks, offerRequest });
    this.processes = table;
    this.sessions = sessions;
    this.events = withWatchers(publisher, kernel);
    this.#deps = deps;
    this.#offsets = offsets;
    this.#clock = clock;
    this.#publisher = publisher;
    this.#source = createEventSource(
      { offsets, clock, lifecycle, hooks, cgroups, publish: publisher.publish },
      ancestorKinds(options.ancestors),
    );
    this.#drain = this.#drainOf(kernel.rings.events);
    this.#losses = watchLosses(kernel, publisher);
  }

  async start(): Promise<void> {
    const { kernel, cgroups, commandLines } = this.#deps;
    const [source, offsets, onError] = [this.#source, this.#offsets, this.#onError];
    cgroups.scan();
    await scanTasks({ kernel, offsets, source, onError, commandLines });
    this.#publisher.flush();
    const urgent = createUrgentReader(kernel.rings.urgent, offsets, cgroups, onError);
    kernel.onReadable(() => {
      urgent();
      this.#drain.wake();
    });
    this.#drain.start();
    this.#timers.push(
      setInterval(() => this.#everySecond(), secondMs),
      // Reading the clock takes up to 10 ms.
      setInterval(() => followClock(this.#clock, kernel), 60 * secondMs),
    );
  }

  counters(): PipelineCounters {
    return {
      records: this.#drain.records(),
      unknownRecords: this.#source.unknownRecords(),
      failedRecords: this.#failed,
      unhashedEvents: this.#source.unhashedEvents(),
      lostInKernel: this.#losses.total(),
      cgroups: this.#deps.cgroups.size(),
      sessions: this.sessions.counts,
    };
  }

  announce(change: FuseChange): void {
    publishFuse(this.#publisher, change);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { kernel } = this.#deps;
    for (const timer of this.#timers) clearInterval(timer);
    this.#drain.stop();
    kernel.setAsleep("awake");
    this.#losses.check();
    this.#source.flush();
    this.#publisher.flush();
    kernel.setWatched("unwatched");
  }

  #drainOf(ring: RecordRing): RingDrain {
    const publisher = this.#publisher;
    return createRingDrain({
      ring,
      take: this.#source.take,
      onError: this.#onError,
      afterSlice: publisher.flush,
      behind: publisher.behind,
      onSleep: (asleep) => this.#deps.kernel.setAsleep(asleep),
      patience: () => (publisher.messageConsumers() > 0 ? patience.watched : patience.alone),
    });
  }

  readonly #onError = (error: unknown): void => {
    // Logs the first error; the others are only counted.
    if (this.#failed++ === 0) this.#deps.logger.error("A record cannot be decoded", { error });
  };

  #everySecond(): void {
    const ring = this.#deps.kernel.rings.events;
    // Asleep and not woken: should never happen.
    if (ring.availableBytes > 0) this.#drain.wake();
    // Only a full ring loses many; reading all counters is the costliest task of an idle sensor.
    if (this.#drain.takeFullest() > lossShare * ring.sizeBytes || this.#seconds % 10 === 0)
      this.#losses.check();
    this.#seconds++;
    this.processes.collect();
    this.#deps.cgroups.collect();
    this.sessions.expire();
    this.#source.expire();
    this.#publisher.flush();
  }
}

/** Tells the kernel whether any client watches live. */
function withWatchers(publisher: EventPublisher, kernel: EventKernel): EventPipeline["events"] {
  return {
    ...publisher,
    addMessages(consumer) {
      const remove = publisher.addMessages(consumer);
      kernel.setWatched("watched");
      return () => {
        remove();
        if (publisher.messageConsumers() === 0) kernel.setWatched("unwatched");
      };
    },
  };
}

/** Marks in all streams that the kernel has lost records; excludes losses before this sensor. */
function watchLosses(kernel: EventKernel, publisher: EventPublisher) {
  const before = kernel.lostEvents();
  let told = before;
  return {
    total: () => Number(told - before),
    check() {
      const lost = kernel.lostEvents();
      if (lost <= told) return;
      publisher.missing(Number(lost - told));
      told = lost;
    },
  };
}

/**
 * Records in the ring `urgent` only wake the sensor, except those of pod cgroups, which are in the other ring
 * as well.
 */
function createUrgentReader(
  ring: RecordRing,
  offsets: RecordOffsets,
  cgroups: Cgroups,
  onError: (error: unknown) => void,
): () => void {
  const reader = new RecordReader();
  return () => {
    while (ring.next()) {
      if (ring.length < offsets.cgroupRecord.size) continue;
      if (reader.bytes !== ring.bytes) reader.over(ring.bytes);
      reader.at(ring.offset, ring.length);
      try {
        cgroups.created(reader);
      } catch (error) {
        onError(error);
      }
    }
    ring.release();
  };
}

const clockStepNs = 5_000_000n;

/** The machine's clock may be set; small differences are measurement errors. */
function followClock(clock: KernelClock, kernel: EventKernel): void {
  const offset = kernel.bootTimeOffsetNs();
  const step = offset - clock.offsetNs();
  if (step > clockStepNs || step < -clockStepNs) clock.setOffset(offset);
}

type TaskScan = {
  readonly kernel: EventKernel;
  readonly offsets: RecordOffsets;
  readonly source: EventSource;
  readonly onError: (error: unknown) => void;
  readonly commandLines: EventPipelineDeps["commandLines"];
};

/** All earlier processes: parents first, because they started earlier. */
async function scanTasks({ kernel, offsets, source, onError, commandLines }: TaskScan) {
  const reader = new RecordReader();
  const found = splitRecords(kernel.scanTasks(), offsets).flatMap((bytes) => {
    reader.over(bytes);
    if (reader.u16(offsets.type) !== recordType.RECORD_TASK) return [];
    // It called exec after the programs were attached: that record is in the ring.
    const execed = (reader.u16(offsets.flags) & recordFlags.RECORD_EXECED) !== 0;
    if (execed && kernel.found === "nothing") return [];
    return [
      { bytes, start: reader.u64(offsets.processStart), pid: reader.u32(offsets.processPid) },
    ];
  });
  found.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const lines = await commandLines(found.map(({ pid }) => pid));
  for (const [i, { bytes }] of found.entries()) {
    const record = withArguments(bytes, lines[i], offsets);
    reader.over(record);
    reader.at(0, record.length);
    try {
      source.take(reader);
    } catch (error) {
      onError(error);
    }
  }
}

/** Unlike in the ring, the iterator's records are unaligned: each is copied to an aligned buffer. */
function splitRecords(scanned: Uint8Array, offsets: RecordOffsets): Buffer[] {
  const view = new DataView(scanned.buffer, scanned.byteOffset, scanned.byteLength);
  const records: Buffer[] = [];
  for (let at = 0; at + offsets.exec.size <= scanned.length; ) {
    const size = view.getUint32(at + offsets.size, true);
    if (size < offsets.exec.size || at + size > scanned.length) break;
    const record = Buffer.alloc(Math.ceil(size / 8) * 8);
    record.set(scanned.subarray(at, at + size));
    records.push(record);
    at += size;
  }
  return records;
}

function ancestorKinds(names: readonly string[]): AncestorKinds {
  const asked = eventKindRows.filter(({ ancestors = "" }) => names.includes(ancestors));
  return new Set(asked.map(({ number }) => number));
}
