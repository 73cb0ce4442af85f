// SPDX-License-Identifier: Apache-2.0
// The cost of an event between the ring and the file, without a kernel: node bench/event-encoding.ts [COUNT]
// In a guest with --icount, a nanosecond is an instruction.

import { openSync } from "node:fs";
import { createEventSource } from "../packages/sensor/src/events/event-source.ts";
import { createHookDecoder } from "../packages/sensor/src/events/hook-decoder.ts";
import { createLifecycle } from "../packages/sensor/src/events/lifecycle.ts";
import { createStackTraces } from "../packages/sensor/src/events/stack-traces.ts";
import { createDescriptorSink } from "../packages/sensor/src/export/descriptor-sink.ts";
import { createJsonExporter } from "../packages/sensor/src/export/json-exporter.ts";
import { createEventPublisher } from "../packages/sensor/src/pipeline/event-publisher.ts";
import { ProcessTable } from "../packages/sensor/src/process/process-table.ts";
import { Sessions } from "../packages/sensor/src/process/sessions.ts";
import { headerLayouts } from "../packages/sensor/src/records/header-layouts.ts";
import { createKernelClock } from "../packages/sensor/src/records/kernel-time.ts";
import { recordOffsets } from "../packages/sensor/src/records/record-layouts.ts";
import { RecordReader } from "../packages/sensor/src/records/record-reader.ts";
import { createCgroups } from "../packages/sensor/src/workload/cgroups.ts";
import {
  buildExec,
  buildExit,
  buildHook,
  numberArg,
  pathArg,
  sockArg,
  valueType,
} from "../packages/sensor/test/record-builder.ts";

const offsets = recordOffsets(headerLayouts());
const clock = createKernelClock(1_700_000_000_000_000_000n);
const arg = (type: "file" | "int" | "sock") => ({ type, label: "" });
const rule = (id: number, functionName: string, args: ReturnType<typeof arg>[]) => ({
  id,
  policyName: "bench-policy",
  policyNamespace: "",
  functionName,
  args,
  returnArg: arg("int"),
  message: "",
  tags: [],
  eventKind: "process_kprobe" as const,
});
const rules = new Map(
  [
    rule(1, "security_file_permission", [arg("file"), arg("int")]),
    rule(2, "tcp_connect", [arg("sock")]),
  ].map((one) => [one.id, one]),
);

const init = { pid: 1, start: 10n };
const shell = { pid: 100, start: 1_000n };
const address = Buffer.from([10, 99, 0, 1]);
const hook = { time: 3_000_000_123n, process: shell, parent: init };
const fileRecord = buildHook({
  ...hook,
  rule: 1,
  args: [
    pathArg(valueType.VALUE_FILE, "/var/lib/app/some/file.txt", 0o100644),
    numberArg(valueType.VALUE_S32, 2),
    numberArg(valueType.VALUE_S32, 0, 128),
  ],
});
const sockRecord = buildHook({
  ...hook,
  rule: 2,
  args: [
    sockArg({
      ...{ family: 2, type: 1, protocol: 6, state: 2, sport: 40_000, dport: 443 },
      cookie: 18_379_888_514_329_489_280n,
      saddr: address,
      daddr: address,
    }),
  ],
});

/** Exec and exit of a new process for each pair. */
function processRecords(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const process = { pid: 1000 + index, start: BigInt(10_000 + index) };
    return [
      buildExec({
        time: 5n,
        process,
        parent: shell,
        path: "/usr/bin/true",
        cwd: "/var/lib",
        arguments: ["true", "a", "b c", String(index)],
      }),
      buildExit({ time: 6n, process, parent: shell, status: 0 }),
    ];
  }).flat();
}

const repeat = (record: Buffer, count: number) => Array.from({ length: count }, () => record);

async function measure(name: string, records: readonly Buffer[]): Promise<void> {
  const table = new ProcessTable({
    nodeName: "node-1",
    maxEntries: 65_536,
    wallTime: clock.wallTime,
  });
  const cgroups = createCgroups(offsets, { root: "/nonexistent" });
  const lifecycle = createLifecycle(
    { table, offsets, workloads: cgroups, sessions: new Sessions({ table, now: Date.now }) },
    {
      withCredentials: false,
      withNamespaces: false,
      hostNamespaces: [],
      redact: (_, args) => args,
    },
  );
  const stacks = createStackTraces({ exposeAddresses: false });
  const decoder = createHookDecoder({
    offsets,
    rules: { rule: (id) => rules.get(id) },
    lifecycle,
    stacks,
  });
  const publisher = createEventPublisher({ nodeName: "node-1", clusterName: "", nodeLabels: {} });
  const exporter = createJsonExporter(createDescriptorSink(openSync("/dev/null", "w")), {
    wants: () => true,
    mark: publisher.markLine,
    onTrouble: (error) => console.error(error),
    onRecovery: () => {},
  });
  publisher.addLines(exporter);
  const source = createEventSource(
    { offsets, clock, lifecycle, hooks: decoder, cgroups, publish: publisher.publish },
    new Set(),
  );
  const memory = Buffer.concat(records);
  const reader = new RecordReader(memory);
  const takeOne = (record: Buffer) => {
    const own = new RecordReader(record);
    own.at(0, record.length);
    source.take(own);
  };
  takeOne(
    buildExec({
      task: true,
      time: 0n,
      process: init,
      parent: { pid: 0, start: 0n },
      path: "/sbin/init",
    }),
  );
  takeOne(
    buildExec({
      time: 1n,
      process: shell,
      parent: init,
      path: "/usr/bin/dash",
      filename: "/bin/sh",
      arguments: ["sh", "-c", "run something --with arguments"],
    }),
  );
  globalThis.gc?.();
  const started = process.cpuUsage();
  let at = 0;
  for (const [index, record] of records.entries()) {
    reader.at(at, record.length);
    source.take(reader);
    at += record.length;
    if (index % 200 === 199) {
      publisher.flush();
      if (index % 2000 === 1999) await exporter.idle();
    }
  }
  publisher.flush();
  await exporter.idle();
  const { user, system } = process.cpuUsage(started);
  const { written, writtenBytes, dropped } = exporter.counters();
  const each = ((user + system) * 1000) / records.length;
  console.log(
    `${name.padEnd(24)} ${each.toFixed(0).padStart(6)} ns an event, ${(writtenBytes / written).toFixed(0)} bytes a line, ${dropped} dropped`,
  );
}

const count = Number(process.argv[2] ?? 100_000);
const pairs = processRecords(count / 2);
for (let round = 0; round < 3; round++) {
  await measure("file event", repeat(fileRecord, count));
  await measure("socket event", repeat(sockRecord, count));
  await measure("exec and exit", pairs);
}
