// SPDX-License-Identifier: Apache-2.0
// A policy that has spent its budget of events posts no more of them, and enforces as before.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  addPolicy,
  assertCountsAddUp,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

const options = { name: "event-budget" };
let sensor = await startGuestSensor(options);
after(() => sensor[Symbol.asyncDispose]());

const folder = "/tmp/over-budget";

/** Denies folders of that name. */
const policy = (budget?: string) =>
  policyText(
    "denied-folders",
    `
${budget === undefined ? "" : `options: [{ name: event-budget, value: ${budget} }]`}
lsmhooks:
- hook: path_mkdir
  args: [{ index: 1, type: dentry }]
  selectors:
  - matchArgs: [{ index: 1, operator: Postfix, values: [/over-budget] }]
    matchActions: [{ action: Override, argError: -1 }]
`,
  );

/** All of them are denied. */
function deny(times: number): void {
  for (let i = 0; i < times; i++)
    assert.throws(() => mkdirSync(folder), { code: "EPERM" }, `attempt ${i}`);
}

function counted() {
  const state = stateOf(sensor.policies, "denied-folders");
  assertCountsAddUp(state);
  const { emitted, suppressedBudget, denied } = state.counters;
  return [emitted, suppressedBudget, denied].map(Number);
}

const remarks = () =>
  stateOf(sensor.policies, "denied-folders").warnings.filter((text) => text.includes("budget"));

test("further events are counted, and calls are denied as before", async () => {
  await addPolicy(sensor.policies, policy("5/1h"));
  deny(5);
  assert.deepEqual(counted(), [5, 0, 5]);
  assert.deepEqual(remarks(), []);
  deny(20);
  assert.deepEqual(counted(), [5, 20, 25]);
  assert.match(remarks().join(), /^20 events were counted and not posted/);
});

test("a new version begins anew", async () => {
  await addPolicy(sensor.policies, policy("3/1h"));
  deny(7);
  assert.deepEqual(counted(), [3, 4, 7]);
});

test("so does a new sensor, which finds the policy in force", async () => {
  await sensor.abandon();
  deny(2);
  sensor = await startGuestSensor(options);
  deny(4);
  assert.deepEqual(counted(), [3 + 3, 4 + 2 + 1, 7 + 2 + 4]);
});

test("after its time there is a new budget", async () => {
  await addPolicy(sensor.policies, policy("2/2s"));
  deny(4);
  const [emitted = 0] = counted();
  await sleep(2_500);
  deny(4);
  const [now = 0, over = 0, denied] = counted();
  assert.ok(now >= emitted + 2, `${emitted} events, then ${now}`);
  assert.deepEqual([now + over, denied], [8, 8]);
});

test("the sensor's budget is for policies without one of their own", async () => {
  await sensor.abandon();
  sensor = await startGuestSensor({ ...options, eventBudget: { events: 1, windowMs: 3_600_000 } });
  await addPolicy(sensor.policies, policy("100/1h"));
  deny(3);
  assert.deepEqual(counted(), [3, 0, 3]);
  await addPolicy(sensor.policies, policy());
  deny(3);
  assert.deepEqual(counted(), [1, 2, 3]);
});
