// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { codec } from "@gander/proto";
import { describe, expect, it } from "vitest";
import {
  type BuiltExec,
  buildExec,
  buildExit,
  buildHook,
  recordFlags,
} from "../../test/record-builder.ts";
import type { LineConsumer } from "../export/json-exporter.ts";
import { headerLayouts } from "../records/header-layouts.ts";
import { recordOffsets } from "../records/record-layouts.ts";
import type { RecordRing } from "../records/ring-drain.ts";
import { createCgroups } from "../workload/cgroups.ts";
import { createEventPipeline, type EventKernel } from "./event-pipeline.ts";

const init = { pid: 1, start: 10n };

/** A kernel that has written the given records. */
function createTestKernel(found: EventKernel["found"], tasks: readonly Buffer[]) {
  const memory = Buffer.alloc(1 << 20);
  const records: { offset: number; length: number }[] = [];
  let end = 0;
  let read = 0;
  const events: RecordRing & { offset: number; length: number } = {
    bytes: memory,
    offset: 0,
    length: 0,
    next() {
      const record = records[read];
      if (record === undefined) return false;
      read++;
      Object.assign(events, record);
      return true;
    },
    release() {},
    get availableBytes() {
      return records.length - read;
    },
    sizeBytes: memory.length,
  };
  const state = { lost: 100n, watched: "", wake: () => {} };
  const kernel: EventKernel = {
    layouts: headerLayouts(),
    rings: { events, urgent: { ...events, next: () => false } },
    found,
    bootTimeOffsetNs: () => 1_700_000_000_000_000_000n,
    scanTasks: () => Buffer.concat(tasks),
    setWatched: (watched) => {
      state.watched = watched;
    },
    setAsleep: () => {},
    onReadable: (listener) => {
      state.wake = listener;
    },
    lostEvents: () => state.lost,
  };
  const write = (...list: readonly Buffer[]) => {
    for (const record of list) {
      memory.set(record, end);
      records.push({ offset: end, length: record.length });
      end += record.length;
    }
    state.wake();
  };
  return { kernel, state, write };
}

function collector() {
  const events: ReturnType<typeof JSON.parse>[] = [];
  const consumer: LineConsumer = {
    wants: () => true,
    view: undefined,
    accepts: () => true,
    line: ({ bytes, length }) => events.push(JSON.parse(bytes.toString("utf8", 0, length))),
    missing: (count) => events.push({ missing: count }),
    flush: () => {},
    behind: () => undefined,
  };
  return { events, consumer };
}

function startPipeline(kernel: EventKernel) {
  return createEventPipeline(
    {
      kernel,
      rules: { rule: () => undefined },
      cgroups: createCgroups(recordOffsets(kernel.layouts), { root: "/nonexistent" }),
      commandLines: async () => [],
      logger: createLogger({ write: () => {} }),
    },
    {
      envelope: { nodeName: "n", clusterName: "", nodeLabels: {} },
      processCacheSize: 1024,
      withCredentials: false,
      withNamespaces: false,
      hostNamespaces: [],
      ancestors: ["base"],
      exposeStackAddresses: false,
      redact: (_, args) => args,
    },
  );
}

/** As the iterator writes it: without the padding that the ring has. */
function task(record: Omit<BuiltExec, "time" | "task">): Buffer {
  const padded = buildExec({ ...record, time: 5n, task: true });
  const path = typeof record.path === "string" ? record.path.length : 0;
  const size = padded.length - ((8 - ((path * 2 + 1 + 4) % 8)) % 8);
  padded.writeUInt32LE(size, headerLayouts()("record").offsets.size ?? 0);
  return padded.subarray(0, size);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("event pipeline", () => {
  it("begins with what ran before, parents first, wherever the records lie", async () => {
    const shell = { pid: 900, start: 500n };
    const { kernel, write } = createTestKernel("nothing", [
      task({ process: { pid: 7, start: 900n }, parent: shell, path: "/bin/b", arguments: ["xyz"] }),
      task({
        process: init,
        parent: { pid: 0, start: 0n },
        path: "/sbin/init",
        arguments: ["xyz"],
      }),
      task({ process: shell, parent: init, path: "/bin/sh1", arguments: ["xyz"] }),
      // It is in the ring as well.
      task({
        process: { pid: 8, start: 950n },
        parent: shell,
        path: "/bin/c",
        arguments: ["xyz"],
        flags: recordFlags.RECORD_EXECED,
      }),
    ]);
    const { events, consumer } = collector();
    await using pipeline = startPipeline(kernel);
    pipeline.events.addLines(consumer);
    await pipeline.start();
    expect(events.map(({ process_exec }) => process_exec.process.binary)).toEqual([
      "/sbin/init",
      "/bin/sh1",
      "/bin/b",
    ]);
    expect(events[2].process_exec).toMatchObject({
      process: { flags: "procFS rootcwd" },
      parent: { binary: "/bin/sh1" },
      ancestors: [{ binary: "/sbin/init" }, { binary: "<kernel>" }],
    });
    write(
      buildExec({ time: 960n, process: { pid: 8, start: 950n }, parent: shell, path: "/bin/c" }),
    );
    await pause(30);
    expect(events[3].process_exec.process).toMatchObject({
      binary: "/bin/c",
      flags: "execve rootcwd clone",
    });
    expect(pipeline.counters()).toMatchObject({ records: 1, unknownRecords: 0, failedRecords: 0 });
  });

  it("tells of processes that an earlier sensor knew", async () => {
    const { kernel } = createTestKernel("same", [
      task({
        process: init,
        parent: { pid: 0, start: 0n },
        path: "/sbin/init",
        arguments: ["xyz"],
        flags: recordFlags.RECORD_EXECED,
      }),
    ]);
    const { events, consumer } = collector();
    await using pipeline = startPipeline(kernel);
    pipeline.events.addLines(consumer);
    await pipeline.start();
    expect(events.length).toBe(1);
  });

  it("wakes the kernel only while somebody watches", async () => {
    const { kernel, state, write } = createTestKernel("nothing", []);
    await using pipeline = startPipeline(kernel);
    await pipeline.start();
    const messages: Buffer[] = [];
    const watcher = {
      wants: () => true,
      view: undefined,
      message: (bytes: Buffer) => void messages.push(bytes),
      missing: () => {},
    };
    const leave = [
      pipeline.events.addMessages(watcher),
      pipeline.events.addMessages({ ...watcher }),
    ];
    expect(state.watched).toBe("watched");
    write(buildExit({ time: 9n, process: init, parent: { pid: 0, start: 0n }, status: 9 }));
    await pause(5);
    expect(messages.length).toBe(2);
    // Encoded once for both.
    expect(messages[0]).toBe(messages[1]);
    expect(
      codec("tetragon.GetEventsResponse").decode(messages[0] ?? Buffer.alloc(0)).process_exit
        ?.signal,
    ).toBe("SIGKILL");
    leave[0]?.();
    expect(state.watched).toBe("watched");
    leave[1]?.();
    expect(state.watched).toBe("unwatched");
  });

  it("marks what the kernel lost, but not what it lost before", async () => {
    const { kernel, state } = createTestKernel("same", []);
    const { events, consumer } = collector();
    await using pipeline = startPipeline(kernel);
    pipeline.events.addLines(consumer);
    await pipeline.start();
    state.lost += 7n;
    await pause(1_100);
    expect(events).toEqual([{ missing: 7 }]);
    state.lost += 2n;
    await pipeline[Symbol.asyncDispose]();
    expect(events).toEqual([{ missing: 7 }, { missing: 2 }]);
    expect(pipeline.counters().lostInKernel).toBe(9);
  });

  it("survives records that make no sense", async () => {
    const { kernel, write } = createTestKernel("nothing", []);
    const { events, consumer } = collector();
    await using pipeline = startPipeline(kernel);
    pipeline.events.addLines(consumer);
    await pipeline.start();
    const hook = buildHook({ time: 1n, process: init, parent: init, rule: 3, args: [] });
    // 255 arguments, none of them there.
    hook.writeUInt8(255, headerLayouts()("record_hook").offsets.nargs ?? 0);
    hook.writeUInt16LE(65_535, headerLayouts()("record_hook").offsets.kernel_stack ?? 0);
    const exec = buildExec({ time: 1n, process: { pid: 5, start: 5n }, parent: init, path: "/x" });
    exec.writeUInt16LE(65_535, headerLayouts()("record_exec").offsets.cwd ?? 0);
    write(hook, exec, Buffer.alloc(64, 0xff));
    await pause(30);
    expect(events.length).toBe(2);
    expect(pipeline.counters()).toMatchObject({ records: 3, unknownRecords: 1 });
  });
});
