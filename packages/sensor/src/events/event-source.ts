// SPDX-License-Identifier: Apache-2.0
import { recordType } from "../link/abi.gen.ts";
import type { ProcessEntry } from "../process/process-entry.ts";
import type { KernelClock } from "../records/kernel-time.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import type { Cgroups } from "../workload/cgroups.ts";
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
};

type EventSourceDeps = {
  readonly offsets: RecordOffsets;
  readonly clock: KernelClock;
  readonly lifecycle: Lifecycle;
  readonly hooks: HookDecoder;
  readonly cgroups: Pick<Cgroups, "created" | "removed">;
  /** Must copy what it needs of the event before it returns. */
  readonly publish: (event: SensorEvent) => void;
};

/** Longer than any real lineage; a loop in the kernel's data must not hang the sensor. */
const maxAncestors = 128;

export function createEventSource(deps: EventSourceDeps, ancestors: AncestorKinds): EventSource {
  const { offsets, clock, lifecycle, hooks, cgroups, publish } = deps;
  const event = createSensorEvent();
  let unknown = 0;

  const stamp = (reader: RecordReader) => {
    const { seconds, nanos } = clock.wallTime(reader.u32(offsets.time), reader.high(offsets.time));
    event.seconds = seconds;
    event.nanos = nanos;
    if (ancestors.has(event.kind)) event.ancestors = ancestorsOf(event.parent);
  };

  return {
    unknownRecords: () => unknown,
    take(reader) {
      resetEvent(event);
      switch (reader.u16(offsets.type)) {
        case recordType.RECORD_HOOK:
          hooks.decode(reader, event);
          stamp(reader);
          publish(event);
          return;
        case recordType.RECORD_EXEC:
        case recordType.RECORD_TASK:
          lifecycle.exec(reader, event);
          stamp(reader);
          publish(event);
          lifecycle.afterExec(event);
          return;
        case recordType.RECORD_EXIT:
          lifecycle.exit(reader, event);
          stamp(reader);
          publish(event);
          lifecycle.afterExit(event);
          return;
        case recordType.RECORD_DATA:
          hooks.data(reader);
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
