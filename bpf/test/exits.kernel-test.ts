// SPDX-License-Identifier: Apache-2.0
// A process exits once, however many of its threads believe that they are the last.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";

const exits = "/gander/bpf/build/test/exits";
const guard = createGuard({ kinds: [] });
after(() => guard[Symbol.dispose]());

/** Runs it; counts the reported exits of each process that it names. */
async function told(...args: readonly string[]): Promise<ReadonlyMap<number, number>> {
  guard.drain();
  const before = guard.faults();
  const ended = new Map<number, number>();
  const drain = () => {
    for (const { type, process } of guard.drain())
      if (type === guard.tables.constant("RECORD_EXIT"))
        ended.set(process.pid, (ended.get(process.pid) ?? 0) + 1);
  };
  const child = spawn(exits, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  const timer = setInterval(drain, 20);
  const status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  drain();
  assert.equal(status, 0);
  assert.deepEqual(guard.faults(), before);
  return new Map(
    output
      .trim()
      .split("\n")
      .map((pid) => [Number(pid), ended.get(Number(pid)) ?? 0]),
  );
}

test("a thread that takes long to exit does not tell of it again", async () => {
  const counts = await told("late-thread", "20");
  assert.deepEqual([...counts.values()], Array(20).fill(1));
});

for (const [how, count] of [
  ["threads", 300],
  ["group", 300],
  ["groups", 300],
  ["leader-first", 300],
  ["exec", 60],
] as const)
  test(`${count} processes of 6 threads: ${how}`, async () => {
    const counts = await told("storm", how, String(count), "6");
    assert.equal(counts.size, count);
    const wrong = [...counts].filter(([, times]) => times !== 1);
    assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${count}`);
  });

async function endUnknown(): Promise<void> {
  const child = spawn("sleep", ["100"]);
  const key = Buffer.alloc(4);
  key.writeUInt32LE(child.pid ?? 0);
  guard.map("procs").delete(key);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
}

test("until all processes are listed, an unknown one may end", async () => {
  const { FAULT_PROC_UNKNOWN: before = 0 } = guard.faults();
  await endUnknown();
  assert.equal(guard.faults().FAULT_PROC_UNKNOWN ?? 0, before);
});

test("an end that cannot be told of is counted, once", async () => {
  guard.scanTasks();
  const { FAULT_PROC_UNKNOWN: before = 0 } = guard.faults();
  await endUnknown();
  assert.equal(guard.faults().FAULT_PROC_UNKNOWN, before + 1);
  assert.equal(spawnSync("/bin/true").status, 0);
});
