// SPDX-License-Identifier: Apache-2.0
// Every loss is counted: many processes, with rings that are large enough and rings that are not.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { createGuard, type Guard } from "./guard.ts";

const scenes = "/gander/bpf/build/test/scenes";
const count = 200;

/** Runs `count` programs, 16 at a time; reads the ring every `readEveryMs`, or (0) only at the end. */
async function storm(guard: Guard, readEveryMs: number): Promise<(type: string) => number> {
  const records = new Map<number, number>();
  guard.drain();
  const child = spawn(scenes, ["storm", String(count), "16", "/usr/bin/true", "a"], {
    stdio: "ignore",
  });
  const timer = setInterval(() => readEveryMs && guard.drainTypes(records), readEveryMs || 1000);
  const status = await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(timer);
  assert.equal(status, 0);
  guard.drainTypes(records);
  return (type) => records.get(guard.tables.constant(type)) ?? 0;
}

const delta = (
  after: { produced: number; lost: number },
  before: { produced: number; lost: number },
) => ({
  produced: after.produced - before.produced,
  lost: after.lost - before.lost,
});

for (const [ringBytes, readEveryMs] of [
  [8 << 20, 20],
  [64 << 10, 0],
] as const) {
  test(`${count} programs, a ring of ${ringBytes >> 10} KB: written + lost = started`, async () => {
    using guard = createGuard({ ringBytes, kinds: [] });
    const before = { exec: guard.lifecycle("RECORD_EXEC"), exit: guard.lifecycle("RECORD_EXIT") };
    const read = await storm(guard, readEveryMs);
    const execs = delta(guard.lifecycle("RECORD_EXEC"), before.exec);
    const exits = delta(guard.lifecycle("RECORD_EXIT"), before.exit);
    assert.equal(execs.produced, count + 1);
    assert.equal(exits.produced, count + 1);
    assert.equal(read("RECORD_EXEC") + execs.lost, count + 1);
    assert.equal(read("RECORD_EXIT") + exits.lost, count + 1);
    assert.equal(execs.lost > 0, ringBytes < 1 << 20, `lost ${execs.lost}`);
    const faults = guard.faults();
    assert.equal(faults.FAULT_STAGE, 0);
    assert.equal(faults.FAULT_PROC_TABLE, 0);
    // all remaining entries are alive: node, its ancestors, and kernel threads that forked
    for (const [key] of guard.map("procs").entries()) {
      const pid = Buffer.from(key).readUInt32LE();
      assert.doesNotThrow(() => process.kill(pid, 0), `pid ${pid} is in the table and dead`);
    }
  });
}

test("a process table that is full is counted, and nothing breaks", async () => {
  using guard = createGuard({ procs: 4, kinds: [] });
  const read = await storm(guard, 20);
  assert.equal(read("RECORD_EXEC"), count + 1);
  assert.ok((guard.faults().FAULT_PROC_TABLE ?? 0) > 0);
});
