// SPDX-License-Identifier: Apache-2.0
import type { EventEnvelope } from "@gander/proto";
import { ProcessTable } from "../process/process-table.ts";
import { createCgroups } from "../workload/cgroups.ts";
import type { EventRule } from "./event-rule.ts";
import { type AncestorKinds, createEventSource } from "./event-source.ts";
import { headerLayouts } from "./header-layouts.ts";
import { createHookDecoder } from "./hook-decoder.ts";
import { createJsonEncoder } from "./json-encoder.ts";
import { createKernelClock } from "./kernel-time.ts";
import { createLifecycle, type LifecycleOptions } from "./lifecycle.ts";
import { plainLine, plainMessage } from "./plain-line.ts";
import { recordOffsets } from "./record-layouts.ts";
import { RecordReader } from "./record-reader.ts";
import type { SensorEvent } from "./sensor-event.ts";
import { createStackTraces } from "./stack-traces.ts";

/** Everything between a record and its line, without a kernel; for tests. */
export function createTestSensor(
  options: Partial<LifecycleOptions> & {
    readonly nodeName?: string;
    readonly offsetNs?: bigint;
    readonly rules?: readonly EventRule[];
    readonly ancestors?: AncestorKinds;
    readonly maxEntries?: number;
    readonly now?: () => number;
    readonly procRoot?: string;
  } = {},
) {
  const nodeName = options.nodeName ?? "node";
  const envelope: EventEnvelope = { nodeName, clusterName: "", nodeLabels: {} };
  const offsets = recordOffsets(headerLayouts());
  const clock = createKernelClock(options.offsetNs ?? 1_700_000_000_000_000_000n);
  const table = new ProcessTable({
    nodeName,
    maxEntries: options.maxEntries ?? 65_536,
    wallTime: clock.wallTime,
    ...(options.now && { now: options.now }),
  });
  const cgroups = createCgroups(offsets, { root: "/nonexistent" });
  cgroups.onReplaced((replaced) => table.replaceWorkloads(replaced));
  const lifecycle = createLifecycle(
    { table, offsets, workloads: cgroups },
    {
      withCredentials: options.withCredentials ?? false,
      withNamespaces: options.withNamespaces ?? false,
      hostNamespaces: options.hostNamespaces ?? [],
      redact: options.redact ?? ((_, args) => args),
    },
  );
  const rules = new Map((options.rules ?? []).map((rule) => [rule.id, rule]));
  const stacks = createStackTraces({
    exposeAddresses: false,
    procRoot: options.procRoot ?? "/nonexistent",
  });
  const hooks = createHookDecoder({
    offsets,
    rules: { rule: (id) => rules.get(id) },
    lifecycle,
    stacks,
  });
  const lines: string[] = [];
  const encoder = createJsonEncoder(envelope);
  const publish = (event: SensorEvent) => {
    const { bytes, length } = encoder.encode(event);
    const line = bytes.toString("utf8", 0, length);
    const plain = plainLine(plainMessage(event, envelope));
    if (line !== plain) throw new Error(`two ways, two lines:\n${line}${plain}`);
    lines.push(line);
  };
  const source = createEventSource(
    { offsets, clock, lifecycle, hooks, cgroups, publish },
    options.ancestors ?? new Set(),
  );
  return {
    clock,
    table,
    cgroups,
    lines,
    source,
    /** Takes records; gives the lines they made, parsed. */
    take(...records: readonly Buffer[]) {
      const before = lines.length;
      for (const record of records) {
        // In a ring a record does not start at 0 either.
        const memory = Buffer.alloc(record.length + 16);
        record.copy(memory, 8);
        const reader = new RecordReader(memory);
        reader.at(8, record.length);
        source.take(reader);
      }
      return lines.slice(before).map((line) => JSON.parse(line));
    },
  };
}
