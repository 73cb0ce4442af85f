// SPDX-License-Identifier: Apache-2.0
// CelExpr: what the kernel decides is what the expression says, for signals that a process sends to itself.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Inmate, startInmate } from "../../test/guest-pods.ts";
import {
  addPolicy,
  type GuestSensor,
  policyText,
  startGuestSensor,
} from "../../test/guest-sensor.ts";

/** All that a process can ignore, so that to send them harms nobody. */
const signals = [1, 2, 3, 6, 8, 10, 12, 13, 14, 15, 20, 23, 28, 30, 31];

/**
 * arg0: the signal, arg1: the name of the process, arg2: the signal as a number without a sign; arg3: 120, the
 * priority of any process that nobody has made nicer, arg4: the same without a sign; arg5: the signal as a byte, arg6:
 * when the process began, in nanoseconds: more than any signal.
 */
const cases: readonly (readonly [string, (signal: number) => boolean])[] = [
  ["arg0 == 10", (n) => n === 10],
  ["arg0 != 10 && arg0 > 3 && arg1 == 'bash'", (n) => n > 3 && n !== 10],
  ["arg0 < 3 || arg0 >= 20", (n) => n < 3 || n >= 20],
  ["!(arg0 in [1, 2, 3, 6, 8, 10])", (n) => ![1, 2, 3, 6, 8, 10].includes(n)],
  ["arg0 + 1 <= 3 || 30 - arg0 == 2", (n) => n <= 2 || n === 28],
  ["and(arg2, 3u) == 3u", (n) => (n & 3) === 3],
  ["and(arg0, 6) == 2 && arg1.startsWith('ba')", (n) => (n & 6) === 2],
  ["xor(and(arg2, 12u), 12u) != 0u", (n) => (n & 12) !== 12],
  ["not(arg0) == -16 || uint32(arg0) == 1", (n) => n === 15 || n === 1],
  ["arg1 == 'bash' ? arg0 < 4 : true", (n) => n < 4],
  ["arg1.endsWith('sh') && !arg1.contains('zz') && (arg0 == 1 || arg2 == 2u)", (n) => n < 3],
  ["arg1 == 'other' || arg1.contains('nothing') || arg2 > 29u", (n) => n > 29],
  ["(arg0 > 5 || arg1 == 'x') && (arg2 < 11u || arg1 == 'y')", (n) => n > 5 && n < 11],
  // Without a value it decides nothing.
  ["arg2 - 10u < 5u", (n) => n >= 10 && n < 15],
  ["!(arg2 - 10u < 5u) || arg0 == 2", (n) => n >= 15 || n === 2],
  // Two arguments.
  ["arg0 + 110 > arg3", (n) => n > 10],
  ["!(arg3 <= arg0 + 110)", (n) => n < 10],
  ["arg3 - arg0 == 110 || arg0 + arg3 == 132", (n) => n === 10 || n === 12],
  ["arg3 - 110 != arg0", (n) => n !== 10],
  ["arg0 - arg3 in [-118, -117, -90] && arg1 == 'bash'", (n) => [2, 3, 30].includes(n)],
  ["arg2 + 110u - arg4 < 5u", (n) => n >= 10 && n < 15],
  ["!(arg2 + 110u - arg4 < 5u)", (n) => n >= 15],
  ["arg2 - arg4 < 1000u || arg0 == 1", (n) => n === 1],
  ["arg0 > arg4 - 100u", (n) => n > 20],
  ["arg5 == arg2 && arg0 < arg6 && int32(arg4) - arg5 < 100", (n) => n > 20],
  ["arg6 <= arg5 || arg6 + 18446744073709551615u > arg2 || arg0 == 3", (n) => n === 3],
];

/** The kernel knows its type. */
const untyped: (typeof cases)[number] = [
  "arg0 in [10, 12] || arg2 == 1u || arg0 + 107 == arg3",
  (n) => [1, 10, 12, 13].includes(n),
];
const all = [...cases, untyped];

const entry = (expression: string, type: string) => `
- hook: task_kill
  args:
  - { ${type}index: 2 }
  - { type: string, index: 0, resolve: comm }
  - { type: uint32, index: 2 }
  - { type: int, index: 0, resolve: static_prio }
  - { type: uint32, index: 0, resolve: static_prio }
  - { type: int8, index: 2 }
  - { type: uint64, index: 0, resolve: start_time }
  selectors:
  - matchArgs:
    - { operator: CelExpr, args: [0], values: [${JSON.stringify(expression)}] }
    matchActions: [{ action: NoPost }]`;

describe("expressions", { timeout: 600_000 }, () => {
  let sensor: GuestSensor;
  let sender: Inmate;
  /** By expression: the signals for which it held. */
  const held = all.map((): number[] => []);
  before(async () => {
    sensor = await startGuestSensor({ name: "gander-expressions" });
    sender = await startInmate(undefined);
    const entries = all.map((one) => entry(one[0], one === untyped ? "" : "type: int, "));
    await addPolicy(sensor.policies, policyText("expressions", `lsmhooks:${entries.join("")}`));
    const matched = () =>
      sensor.policies
        .list()[0]
        ?.hooks.map(({ selectors }) => selectors[0]?.counters.matched ?? 0n) ?? [];
    for (const signal of signals) {
      const earlier = matched();
      assert.equal(await sender.run(`( trap '' ${signal}; kill -${signal} $BASHPID )`), 0);
      for (const [i, now] of matched().entries()) {
        const times = now - (earlier[i] ?? 0n);
        assert.ok(times <= 1n, `${all[i]?.[0]}: ${times} times for signal ${signal}`);
        if (times === 1n) held[i]?.push(signal);
      }
    }
  });
  after(async () => {
    await sender?.[Symbol.asyncDispose]();
    await sensor?.[Symbol.asyncDispose]();
  });

  for (const [i, [expression, holds]] of all.entries())
    test(expression, () => assert.deepEqual(held[i], signals.filter(holds)));

  test("one that enforces", async () => {
    const [text] = [
      entry("arg0 + 110 == arg3 && arg1.startsWith('ba') || arg2 == 12u", "type: int, "),
    ];
    const denying = text.replace("NoPost", "Override, argError: -1");
    await addPolicy(sensor.policies, policyText("denies", `lsmhooks:${denying}`));
    const statuses: number[] = [];
    for (const signal of [8, 10, 12, 14])
      statuses.push(
        await sender.run(`( trap '' ${signal}; kill -${signal} $BASHPID ) 2>/dev/null`),
      );
    assert.deepEqual(statuses, [0, 1, 1, 0]);
  });
});
