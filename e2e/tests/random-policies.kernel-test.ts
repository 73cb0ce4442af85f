// SPDX-License-Identifier: Apache-2.0
// Made-up valid policies on this kernel's functions: each is loaded or refused by our own check, with a reason; the
// verifier refuses none. More of them, or one of them again, with its text:
//   e2e/vm --kernel 6.12 --timeout 1000 -- env GANDER_RANDOM_POLICIES=1000 GANDER_RANDOM_SEED=7 node --test FILE
//   e2e/vm --kernel 6.12 -- env GANDER_RANDOM_SEED=7 GANDER_RANDOM_ONLY=123 node --test FILE
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CheckedPolicy, checkPolicy } from "@gander/policy";
import { readRunningKernel } from "../../packages/sensor/src/kernel/read-running-kernel.ts";
import { type GuestSensor, startGuestSensor } from "../../packages/sensor/test/guest-sensor.ts";
import { randomOf } from "../siege/random.ts";
import { type Machine, madeUpSet, randomPolicy } from "./lib/random/random-policy.ts";
import { targetsOf } from "./lib/random/running-kernel.ts";

const seed = Number(process.env.GANDER_RANDOM_SEED ?? 1);
const only = process.env.GANDER_RANDOM_ONLY;
const first = Number(only ?? 0);
const count = only === undefined ? Number(process.env.GANDER_RANDOM_POLICIES ?? 16) : 1;
/** What is still running then goes on; the rest is left out. */
const mostSeconds = Number(process.env.GANDER_RANDOM_SECONDS ?? 3_600);
const atATime = 8;

const valueSet = JSON.stringify({
  ...{ apiVersion: "gander.dev/v1alpha1", kind: "ValueSet", metadata: { name: madeUpSet } },
  spec: { values: ["/nowhere/c", "/nowhere/d"] },
});

describe(`made-up policies, seed ${seed}`, { timeout: 4_000_000 }, () => {
  let sensor: GuestSensor;
  let machine: Machine;
  const counts = { loaded: 0, refused: 0, hooks: 0 };
  before(async () => {
    // Few for pods, which a sensor without an operator refuses; few for all system calls, which takes long.
    const few = { scoped: 0.03, generated: 0.03, stopsCalls: false };
    machine = { targets: targetsOf(readRunningKernel()), ...few };
    sensor = await startGuestSensor({ name: "gander-random", detachUnusedAfterMs: 0 });
  });
  after(() => sensor?.[Symbol.asyncDispose]());

  const textOf = (i: number) =>
    JSON.stringify(randomPolicy(`made-up-${i}`, randomOf(seed, i), machine), undefined, 1);

  function checked(i: number): CheckedPolicy {
    const text = textOf(i);
    const { value, problems = [] } = checkPolicy(`${text}\n---\n${valueSet}\n`, { file: `${i}` });
    const [policy] = value ?? [];
    // What the check refuses shows that a table of the language is wrong, or the generator.
    const found = problems.map(({ path, message }) => `${path}: ${message}`);
    assert.ok(policy, `policy ${i}: ${found.join("\n")}\n${text}`);
    return policy;
  }

  async function load(i: number): Promise<void> {
    const { value, problems = [] } = await sensor.policies.add(checked(i), "static");
    if (value !== undefined) {
      counts.loaded++;
      counts.hooks += value.hooks.length;
      await sensor.policies.remove({ ...value, origin: "static" });
      return;
    }
    counts.refused++;
    const told = problems.map(({ code, message }) => `${code}: ${message}`);
    const whole = `policy ${i} of seed ${seed}: ${told.join("\n")}`;
    if (only !== undefined) console.log(whole);
    assert.ok(told.length > 0, whole);
    // The verifier's words, a program that did not load, or a limit of ours that nobody named.
    for (const { code, message } of problems)
      assert.ok(
        code !== "kernel-attach" &&
          !/Cannot load program|verifier|internal|undefined/i.test(message),
        `${whole}\nGANDER_RANDOM_SEED=${seed} GANDER_RANDOM_ONLY=${i} shows it`,
      );
  }

  test(`${count} of them load, or are refused with a reason`, async () => {
    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1_000;
    const failures: unknown[] = [];
    let next = first;
    for (; next < first + count && seconds() < mostSeconds; next += atATime) {
      const some = Array.from(
        { length: Math.min(atATime, first + count - next) },
        (_, i) => next + i,
      );
      const results = await Promise.allSettled(some.map(load));
      failures.push(...results.flatMap((one) => (one.status === "rejected" ? [one.reason] : [])));
      if ((next - first) % (8 * atATime) === 0) console.log(progress(next, seconds()));
    }
    console.log(progress(next, seconds()));
    if (only !== undefined) console.log(textOf(first));
    for (const failure of failures) console.log(failure);
    assert.equal(failures.length, 0);
    assert.ok(only !== undefined || counts.loaded > counts.refused);
  });

  const progress = (next: number, seconds: number) =>
    `seed ${seed}, up to ${next}: ${counts.loaded} loaded with ${counts.hooks} hooks, ${counts.refused} refused, ${seconds.toFixed(0)} s, ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`;
});
