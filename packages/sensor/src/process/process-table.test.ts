// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { noWorkload } from "../workload/workload.ts";
import { ProcessTable } from "./process-table.ts";

function create(maxEntries = 100_000) {
  const clock = { nowMs: 1_000_000 };
  const table = new ProcessTable({
    ...{ nodeName: "node", maxEntries, retentionMs: 30_000, now: () => clock.nowMs },
    wallTime: () => ({ seconds: 0, nanos: 0 }),
  });
  const keyOf = (pid: number, startLow: number) => ({ pid, startLow, startHigh: 0 });
  const add = (pid: number, startLow: number, parent = keyOf(0, 0)) =>
    table.add(
      {
        ...keyOf(pid, startLow),
        ...{ uid: 0, auid: 0, cwd: "/", binary: "/bin/sh", arguments: "", flags: 0 },
        workload: noWorkload,
      },
      parent,
    );
  const size = () => {
    table.collect();
    return table.counters.size;
  };
  return { table, clock, keyOf, add, size };
}

describe("the table of processes", () => {
  it("keeps ended processes for a while, and as long as they have children", () => {
    const { table, clock, keyOf, add, size } = create();
    const [parent, child] = [add(5, 1), add(6, 2, keyOf(5, 1))];
    table.end(parent);
    clock.nowMs += 100_000;
    // Itself, the child, and the kernel above them.
    expect(size()).toBe(3);
    table.end(child);
    clock.nowMs += 29_999;
    expect(size()).toBe(3);
    clock.nowMs += 1;
    expect(size()).toBe(1);
  });

  it("removes a long line of images with its last one, at once", () => {
    const { table, clock, keyOf, add, size } = create();
    let last = add(5, 1);
    for (let start = 2; start <= 50_000; start++) {
      table.end(last);
      last = add(5, start, keyOf(5, start - 1));
    }
    clock.nowMs += 30_000;
    expect(size()).toBe(50_001);
    table.end(last);
    expect(size()).toBe(50_001);
    clock.nowMs += 30_000;
    expect(size()).toBe(1);
  });

  it("keeps what ended just now although its child is removed", () => {
    const { table, clock, keyOf, add, size } = create();
    const [parent, child] = [add(5, 1), add(6, 2, keyOf(5, 1))];
    table.end(child);
    clock.nowMs += 20_000;
    table.end(parent);
    clock.nowMs += 10_000;
    expect(size()).toBe(2);
    clock.nowMs += 30_000;
    expect(size()).toBe(1);
  });

  it("keeps the parent of a process that is announced once more", () => {
    const { table, clock, keyOf, add, size } = create();
    const parent = add(5, 1);
    add(6, 2, keyOf(5, 1));
    table.end(parent);
    clock.nowMs += 60_000;
    expect(add(6, 2, keyOf(5, 1)).parent).toBe(parent);
    expect([size(), table.counters.missed]).toEqual([3, 0]);
  });

  it("evicts ended ones first when it is full, and counts them", () => {
    const { table, keyOf, add } = create(3);
    const first = add(5, 1);
    table.end(add(6, 2));
    add(7, 3);
    expect(table.counters).toMatchObject({ size: 3, evicted: 1 });
    expect(table.find(6, 2, 0)).toBeUndefined();
    expect(table.find(first.pid, 1, 0)).toBe(first);
    expect(add(8, 4, keyOf(5, 1)).parent).toBe(first);
  });
});
