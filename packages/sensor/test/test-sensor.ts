// SPDX-License-Identifier: Apache-2.0
import { createEventWriter, type EventEnvelope } from "@gander/proto";
import type { EventRule, OfferRequest } from "../src/events/event-rule.ts";
import { type AncestorKinds, createEventSource } from "../src/events/event-source.ts";
import { createHookDecoder } from "../src/events/hook-decoder.ts";
import { createJsonEncoder } from "../src/events/json-encoder.ts";
import { createLifecycle, type LifecycleOptions } from "../src/events/lifecycle.ts";
import { plainLine, plainMessage } from "../src/events/plain-line.ts";
import type { SensorEvent } from "../src/events/sensor-event.ts";
import { createStackTraces } from "../src/events/stack-traces.ts";
import { ProcessTable } from "../src/process/process-table.ts";
import { Sessions } from "../src/process/sessions.ts";
import { headerLayouts } from "../src/records/header-layouts.ts";
import { createKernelClock } from "../src/records/kernel-time.ts";
import { recordOffsets } from "../src/records/record-layouts.ts";
import { RecordReader } from "../src/records/record-reader.ts";
import { createCgroups } from "../src/workload/cgroups.ts";
import type { ContainerBundles } from "../src/workload/container-bundles.ts";

/** Everything between a record and its line, without a kernel; for tests. */
export function createTestSensor(
  options: Partial<LifecycleOptions> & {
    readonly nodeName?: string;
    readonly envelope?: Partial<EventEnvelope>;
    readonly bundles?: ContainerBundles;
    readonly offsetNs?: bigint;
    readonly rules?: readonly EventRule[];
    readonly offerRequest?: OfferRequest;
    readonly ancestors?: AncestorKinds;
    readonly maxEntries?: number;
    readonly now?: () => number;
    readonly procRoot?: string;
  } = {},
) {
  const nodeName = options.nodeName ?? "node";
  const envelope = { nodeName, clusterName: "", nodeLabels: {}, ...options.envelope };
  const offsets = recordOffsets(headerLayouts());
  const clock = createKernelClock(options.offsetNs ?? 1_700_000_000_000_000_000n);
  const table = new ProcessTable({
    nodeName,
    maxEntries: options.maxEntries ?? 65_536,
    wallTime: clock.wallTime,
    ...(options.now && { now: options.now }),
  });
  const cgroups = createCgroups(offsets, {
    root: "/nonexistent",
    ...(options.bundles && { bundles: options.bundles }),
  });
  const sessions = new Sessions({ table, now: options.now ?? Date.now });
  cgroups.onReplaced((replaced) => {
    table.replaceWorkloads(replaced);
    sessions.workloadsChanged();
  });
  const lifecycle = createLifecycle(
    { table, offsets, workloads: cgroups, sessions },
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
    offerRequest: options.offerRequest,
  });
  const lines: string[] = [];
  const messages: Buffer[] = [];
  const encoder = createJsonEncoder(envelope);
  const writer = createEventWriter(envelope);
  const publish = (event: SensorEvent) => {
    const { bytes, length } = encoder.encode(event);
    const line = bytes.toString("utf8", 0, length);
    const plain = plainLine(plainMessage(event, envelope));
    if (line !== plain) throw new Error(`two ways, two lines:\n${line}${plain}`);
    lines.push(line);
    messages.push(Buffer.from(writer.encode(event)));
  };
  const source = createEventSource(
    {
      ...{ offsets, clock, lifecycle, hooks, cgroups, publish },
      ...(options.now && { now: options.now }),
    },
    options.ancestors ?? new Set(),
  );
  return {
    clock,
    table,
    cgroups,
    sessions,
    lines,
    /** The same events, encoded in protobuf. */
    messages,
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
