// SPDX-License-Identifier: Apache-2.0
// Calls that the kernel does not hand to a program are counted exactly, where they are known.
import assert from "node:assert/strict";
import { release } from "node:os";
import { after, test } from "node:test";
import {
  addPolicy,
  assertCountsAddUp,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

let sensor = await startGuestSensor({ name: "missed-calls" });
after(() => sensor[Symbol.asyncDispose]());

/** Each call of umask() makes the kernel walk a stack… */
const walks = policyText(
  "walks",
  `
kprobes:
- call: sys_umask
  selectors:
  - matchPIDs:
    - operator: In
      followForks: true
      values: [${process.pid}]
    matchActions:
    - action: Post
      userStackTrace: true
`,
);

/** … at which this program runs. If it also walks the stack, that second call can't reach it. */
const walkers = (name: string, walks: "walks" | "only looks") =>
  policyText(
    name,
    `
kprobes:
- call: get_perf_callchain
  syscall: false
  selectors:
  - matchPIDs:
    - operator: In
      followForks: true
      values: [${process.pid}]
    matchActions:
    - action: Post
      userStackTrace: ${walks === "walks"}
`,
  );

/** Programs walk stacks without that function there: see e2e/tests/skipped-calls.kernel-test.ts. */
const options = { skip: release().startsWith("6.1.") };

const umask = (times: number) => {
  for (let i = 0; i < times; i++) process.umask(0o22);
};
const counters = (name: string) => stateOf(sensor.policies, name).counters;
const remark = /^\d+ calls of the hooked functions were not judged/;

test("calls from within the program", options, async () => {
  await addPolicy(sensor.policies, walks);
  await addPolicy(sensor.policies, walkers("first", "walks"));
  assert.deepEqual(stateOf(sensor.policies, "first").warnings, []);
  umask(100);
  const state = stateOf(sensor.policies, "first");
  assert.equal(state.counters.hits, 100n);
  assert.equal(state.counters.missed, 100n);
  assertCountsAddUp(state);
  assert.match(state.warnings.at(-1) ?? "", remark);
  assert.equal(counters("walks").missed, 0n);
});

test("a policy is told of those of its own time", options, async () => {
  await addPolicy(sensor.policies, walkers("second", "only looks"));
  umask(10);
  assert.equal(counters("first").missed, 110n);
  assert.equal(counters("second").missed, 10n);
  const key = { name: "second", namespace: "", origin: "static" } as const;
  await sensor.policies.setEnabled(key, "disabled");
  umask(10);
  await sensor.policies.setEnabled(key, "enabled");
  umask(1);
  assert.equal(counters("first").missed, 121n);
  assert.equal(counters("second").missed, 11n);
});

test("the next sensor knows them", options, async () => {
  await sensor.abandon();
  umask(10);
  sensor = await startGuestSensor({ name: "missed-calls" });
  umask(1);
  assert.equal(counters("first").missed, 132n);
  assert.equal(counters("second").missed, 22n);
});
