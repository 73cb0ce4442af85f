// SPDX-License-Identifier: Apache-2.0
// A call that is denied for lack of memory to evaluate it does not count as filtered.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { BpfMap } from "@gander/libbpf";
import {
  addPolicy,
  assertCountsAddUp,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

const name = "unevaluated-calls";
let sensor = await startGuestSensor({ name });
after(() => sensor[Symbol.asyncDispose]());

const guard = policyText(
  "guard",
  `
kprobes:
- call: security_inode_mkdir
  syscall: false
  args:
  - index: 2
    type: int
  selectors:
  - matchArgs:
    - index: 2
      operator: Equal
      values: ["448"]
    matchActions:
    - action: Override
      argError: -13
`,
);

/** Uses up all scratch memory while `run` runs. */
function withoutMemory(run: () => void): void {
  using pool = BpfMap.fromPin(
    join(`/sys/fs/bpf/${name}`, sensor.kernel.id, "maps", "scratch_pool"),
  );
  const fill = (taken: number) => {
    const word = Buffer.alloc(pool.shape.valueSize);
    word.writeUInt8(taken);
    for (let i = 0; i < pool.shape.maxEntries; i++)
      pool.set(Buffer.from(Uint32Array.of(i).buffer), word);
  };
  fill(15);
  try {
    run();
  } finally {
    fill(0);
  }
}

/** How often creating a folder was denied. */
function refusals(times: number, mode: number): number {
  let refused = 0;
  for (let i = 0; i < times; i++) {
    try {
      mkdirSync("/tmp/new-folder", { mode });
      rmSync("/tmp/new-folder", { recursive: true });
    } catch {
      refused++;
    }
  }
  return refused;
}

test("they are counted by themselves, and the policy's state says so", async () => {
  await addPolicy(sensor.policies, guard);
  assert.equal(refusals(3, 0o700), 3);
  assert.equal(refusals(4, 0o755), 0);
  // The index excludes other calls without needing memory.
  withoutMemory(() => assert.deepEqual([refusals(5, 0o700), refusals(1, 0o755)], [5, 0]));
  assert.equal(existsSync("/tmp/new-folder"), false);
  const state = stateOf(sensor.policies, "guard");
  const { hits, denied, filtered, unevaluated } = state.counters;
  assert.deepEqual(
    { hits, denied, filtered, unevaluated },
    {
      ...{ hits: 13n, denied: 3n, filtered: 5n, unevaluated: 5n },
    },
  );
  assertCountsAddUp(state);
  assert.match(state.warnings.at(-1) ?? "", /^5 calls could not be evaluated/);
});

test("other policies and the next sensor go on from there", async () => {
  await addPolicy(sensor.policies, guard.replace("name: guard", "name: second"));
  await sensor.policies.remove({ name: "second", namespace: "", origin: "static" });
  await sensor.abandon();
  sensor = await startGuestSensor({ name });
  withoutMemory(() => assert.equal(refusals(2, 0o700), 2));
  const state = stateOf(sensor.policies, "guard");
  assert.equal(state.counters.unevaluated, 7n);
  assert.equal(state.counters.hits, 15n);
  assertCountsAddUp(state);
});
