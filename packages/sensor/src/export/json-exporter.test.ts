// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { LineSink } from "./chunk-writer.ts";
import { createJsonExporter, type JsonExporterOptions } from "./json-exporter.ts";

/** A sink in memory that does what the test tells it. */
function createMemorySink() {
  let text = "";
  const state = { fail: false, most: Number.POSITIVE_INFINITY, gate: Promise.resolve(), calls: 0 };
  const sink: LineSink = {
    beforeChunk: async () => {},
    async write(bytes, offset, length) {
      await state.gate;
      state.calls++;
      if (state.fail) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      const count = Math.min(length, state.most);
      text += bytes.toString("utf8", offset, offset + count);
      return count;
    },
    close: async () => {},
  };
  const lines = () =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return { sink, state, lines };
}

function createExporter(sink: LineSink, over: Partial<JsonExporterOptions> = {}) {
  const troubles: unknown[] = [];
  const exporter = createJsonExporter(sink, {
    wants: () => true,
    mark: (dropped) => Buffer.from(`{"mark":${dropped}}\n`),
    onTrouble: (error) => troubles.push(error),
    onRecovery: () => troubles.push("recovered"),
    retryMs: 1,
    ...over,
  });
  let next = 0;
  const offer = (count: number, padding = 0) => {
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.from(`{"n":${next++},"p":"${"x".repeat(padding)}"}\n`);
      if (exporter.accepts()) exporter.line({ bytes, length: bytes.length });
    }
  };
  return { exporter, offer, troubles, offered: () => next };
}

/** Numbers of lines in order, and how many the marks say are missing. */
function account(lines: readonly { n?: number; mark?: number }[]) {
  let expected = 0;
  let missing = 0;
  for (const line of lines) {
    if (line.mark !== undefined) {
      missing += line.mark;
      expected += line.mark;
    } else {
      // A gap is marked where it is.
      expect(line.n).toBe(expected++);
    }
  }
  return { missing, seen: lines.filter(({ n }) => n !== undefined).length };
}

describe("JSON exporter", () => {
  it("writes every line once, in order", async () => {
    const { sink, lines } = createMemorySink();
    const { exporter, offer } = createExporter(sink);
    for (let turn = 0; turn < 20; turn++) {
      offer(500);
      exporter.flush();
      if (turn % 3 === 0) await exporter.idle();
    }
    await exporter.close();
    expect(account(lines())).toEqual({ missing: 0, seen: 10_000 });
    expect(exporter.counters()).toMatchObject({ written: 10_000, dropped: 0, rateLimited: 0 });
  });

  it("gathers lines, so that a write carries hundreds", async () => {
    const { sink, state } = createMemorySink();
    const { exporter, offer } = createExporter(sink);
    offer(10_000);
    exporter.flush();
    await exporter.close();
    expect(state.calls).toBeLessThan(10);
  });

  it("takes lines larger than a chunk", async () => {
    const { sink, lines } = createMemorySink();
    const { exporter, offer } = createExporter(sink);
    offer(3);
    offer(3, 400_000);
    offer(3);
    exporter.flush();
    await exporter.close();
    expect(account(lines())).toEqual({ missing: 0, seen: 9 });
  });

  it("says when it is behind, and when it has caught up", async () => {
    const { sink, state } = createMemorySink();
    const { exporter, offer } = createExporter(sink, { maxQueuedBytes: 400_000 });
    let open = () => {};
    state.gate = new Promise((resolve) => {
      open = resolve;
    });
    exporter.flush();
    expect(exporter.behind()).toBeUndefined();
    for (let turn = 0; turn < 50; turn++) {
      offer(200, 100);
      exporter.flush();
    }
    const room = exporter.behind();
    expect(room).toBeInstanceOf(Promise);
    open();
    await room;
    expect(exporter.behind()).toBeUndefined();
    await exporter.close();
  });

  it("is bounded by a slow sink: drops, counts and marks the place", async () => {
    const { sink, state, lines } = createMemorySink();
    const { exporter, offer, offered } = createExporter(sink, { maxQueuedBytes: 400_000 });
    let open = () => {};
    state.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (let turn = 0; turn < 50; turn++) {
      offer(200, 100);
      exporter.flush();
    }
    expect(exporter.counters().dropped).toBeGreaterThan(5_000);
    open();
    await exporter.idle();
    offer(100);
    exporter.flush();
    await exporter.close();
    const { written, dropped } = exporter.counters();
    expect(account(lines())).toEqual({ missing: dropped, seen: written });
    expect(written + dropped).toBe(offered());
  });

  it("goes on after ENOSPC where it stopped, also in the middle of a line", async () => {
    const { sink, state, lines } = createMemorySink();
    const { exporter, offer, troubles } = createExporter(sink, { maxQueuedBytes: 300_000 });
    state.most = 1_001;
    offer(100);
    exporter.flush();
    await new Promise((resolve) => setTimeout(resolve, 1));
    state.fail = true;
    for (let turn = 0; turn < 20; turn++) {
      offer(200, 100);
      exporter.flush();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    state.fail = false;
    await new Promise((resolve) => setTimeout(resolve, 20));
    offer(10);
    exporter.flush();
    await exporter.close();
    const { written, dropped } = exporter.counters();
    expect(dropped).toBeGreaterThan(0);
    expect(account(lines())).toEqual({ missing: dropped, seen: written });
    expect(troubles).toEqual([expect.objectContaining({ code: "ENOSPC" }), "recovered"]);
  });

  it("gives up when it is closed while nothing works, and counts what is lost", async () => {
    const { sink, state } = createMemorySink();
    const { exporter, offer } = createExporter(sink);
    state.fail = true;
    offer(100);
    exporter.flush();
    const started = Date.now();
    await exporter.close();
    expect(Date.now() - started).toBeLessThan(10_000);
    expect(exporter.counters()).toMatchObject({ written: 0, dropped: 100 });
  });

  it("limits the rate, and says once an interval how many it held back", async () => {
    const { sink, lines } = createMemorySink();
    let now = 0;
    const { exporter, offer } = createExporter(sink, { ratePerMinute: 10, now: () => now });
    offer(25);
    exporter.flush();
    now = 61_000;
    exporter.flush();
    offer(3);
    exporter.flush();
    await exporter.close();
    expect(account(lines())).toEqual({ missing: 15, seen: 13 });
    expect(exporter.counters().rateLimited).toBe(15);
  });

  it("exports nothing at a rate of 0", async () => {
    const { sink, lines } = createMemorySink();
    const { exporter, offer } = createExporter(sink, { ratePerMinute: 0 });
    offer(5);
    await exporter.close();
    expect(lines()).toEqual([]);
    expect(exporter.counters()).toMatchObject({ written: 0, rateLimited: 5 });
  });

  it("marks what was lost elsewhere at its place", async () => {
    const { sink, lines } = createMemorySink();
    const { exporter, offer } = createExporter(sink);
    offer(2);
    exporter.missing(40);
    offer(1);
    await exporter.close();
    expect(lines().map(({ n, mark }) => n ?? `mark ${mark}`)).toEqual([0, 1, "mark 40", 2]);
  });
});
