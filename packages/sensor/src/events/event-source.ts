// SPDX-License-Identifier: Apache-2.0
import { action, recordType } from "../link/abi.gen.ts";
import type { ProcessEntry } from "../process/process-entry.ts";
import type { KernelClock } from "../records/kernel-time.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import { RecordReader } from "../records/record-reader.ts";
import type { Cgroups } from "../workload/cgroups.ts";
import { AwaitedHashes } from "./awaited-hashes.ts";
import type { HookDecoder } from "./hook-decoder.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { createSensorEvent, resetEvent, type SensorEvent } from "./sensor-event.ts";

/** Kinds of events that include all ancestors of the process. */
export type AncestorKinds = ReadonlySet<number>;

export type EventSource = {
  /**
   * hot: handles the record at `reader` and publishes its event, if it makes one (bench/event-encoding).
   * Records must arrive in the order of the ring.
   */
  take(reader: RecordReader): void;
  /** Records of an unknown type, from a newer kernel side. */
  readonly unknownRecords: () => number;
  /** Events without the hash of a file that their policy wants. */
  readonly unhashedEvents: () => number;
  /** Publishes events whose hash has not arrived in time. Call it every second. */
  expire(): void;
  /** Publishes all that wait for a hash. */
  flush(): void;
};

type EventSourceDeps = {
  readonly offsets: RecordOffsets;
  readonly clock: KernelClock;
  readonly lifecycle: Lifecycle;
  readonly hooks: HookDecoder;
  readonly cgroups: Pick<Cgroups, "created" | "removed">;
  /** Must copy what it needs of the event before it returns. */
  readonly publish: (event: SensorEvent) => void;
  /** Milliseconds, from any moment on. */
  readonly now?: () => number;
};

/** Longer than any real lineage; a loop in the kernel's data must not hang the sensor. */
const maxAncestors = 128;

export function createEventSource(deps: EventSourceDeps, ancestors: AncestorKinds): EventSource {
  const { offsets, clock, lifecycle, cgroups, publish } = deps;
  const event = createSensorEvent();
  let unknown = 0;

  const stamp = (reader: RecordReader, stamped: SensorEvent) => {
    const { seconds, nanos } = clock.wallTime(reader.u32(offsets.time), reader.high(offsets.time));
    stamped.seconds = seconds;
    stamped.nanos = nanos;
    if (ancestors.has(stamped.kind)) stamped.ancestors = ancestorsOf(stamped.parent);
  };
  const hooks = createHookEvents(deps, stamp);

  return {
    ...hooks,
    unknownRecords: () => unknown,
    take(reader) {
      resetEvent(event);
      switch (reader.u16(offsets.type)) {
        case recordType.RECORD_HOOK:
          hooks.hook(reader, event);
          return;
        case recordType.RECORD_EXEC:
        case recordType.RECORD_TASK:
          lifecycle.exec(reader, event);
          stamp(reader, event);
          publish(event);
          lifecycle.afterExec(event);
          return;
        case recordType.RECORD_EXIT:
          lifecycle.exit(reader, event);
          stamp(reader, event);
          publish(event);
          lifecycle.afterExit(event);
          return;
        case recordType.RECORD_DATA:
          deps.hooks.data(reader);
          return;
        case recordType.RECORD_HASH:
          hooks.hash(reader);
          return;
        case recordType.RECORD_CLONE:
          lifecycle.clone(reader);
          return;
        case recordType.RECORD_CGROUP_MKDIR:
          cgroups.created(reader);
          return;
        case recordType.RECORD_CGROUP_RMDIR:
          cgroups.removed(reader);
          return;
        default:
          unknown++;
      }
    },
  };
}

/** Events of policies, some of which wait for a hash. */
function createHookEvents(
  { offsets, hooks, publish, now = () => performance.now() }: EventSourceDeps,
  stamp: (reader: RecordReader, event: SensorEvent) => void,
) {
  const hashes = new AwaitedHashes({ offsets, publish, unhashed: hooks.unhashed, now });
  const decode = (reader: RecordReader, event: SensorEvent) => {
    hooks.decode(reader, event);
    stamp(reader, event);
  };
  /** In memory of its own: the ring is written again meanwhile. */
  const hold = (reader: RecordReader) => {
    const { bytes, base, length } = reader;
    const copy = new RecordReader(new Uint8Array(bytes.subarray(base, base + length)));
    copy.at(0, length);
    const event = createSensorEvent();
    decode(copy, event);
    hashes.hold(event, copy);
  };
  return {
    /** hot: of a RECORD_HOOK; `event` is one to use. */
    hook(reader: RecordReader, event: SensorEvent): void {
      const wantsHash = (reader.u32(offsets.hook.actions) & action.ACTION_HASH) !== 0;
      if (wantsHash && (reader.u32(offsets.hook.done) & action.ACTION_HASH) !== 0) {
        hold(reader);
        return;
      }
      decode(reader, event);
      if (wantsHash) hashes.refuse(event, reader, "memory");
      else publish(event);
    },
    hash: (reader: RecordReader) => hashes.take(reader),
    unhashedEvents: () => hashes.unhashed,
    expire: () => hashes.expire(),
    flush: () => hashes.flush(),
  };
}

/** From the grandparent upwards. */
function ancestorsOf(parent: ProcessEntry | undefined): ProcessEntry[] {
  const list: ProcessEntry[] = [];
  let next = parent?.parent;
  while (next !== undefined && list.length < maxAncestors) {
    list.push(next);
    next = next.parent;
  }
  return list;
}
