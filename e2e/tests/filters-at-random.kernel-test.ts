// SPDX-License-Identifier: Apache-2.0
// Random filters of every integer type and of texts, with every operator and as expressions: for random calls, the
// kernel decides what the reference evaluator says. GANDER_RANDOM_SEED=7 makes other ones.
import assert from "node:assert/strict";
import { accessSync, closeSync, ftruncateSync, openSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type ArgType, argTypeRows, typeRow } from "@gander/crd-schemas";
import type { CompiledHook, TypedFilter } from "@gander/policy";
import { valueType } from "../../packages/sensor/src/link/abi.gen.ts";
import type { Value } from "../../packages/sensor/src/reference/call.ts";
import { evaluateSelectors } from "../../packages/sensor/src/reference/evaluate-selectors.ts";
import {
  addPolicy,
  type GuestSensor,
  policyOf,
  policyText,
  startGuestSensor,
} from "../../packages/sensor/test/guest-sensor.ts";
import { plainCall, selector } from "../../packages/sensor/test/linker-fixture.ts";
import { type Random, randomOf } from "../siege/random.ts";
import { argFilter, expression } from "./lib/random/random-values.ts";
import type { Arg } from "./lib/random/target.ts";

const seed = Number(process.env.GANDER_RANDOM_SEED ?? 1);
const rules = 250;
const calls = 45;
const file = "/tmp/cut-at-random";

const integers = argTypeRows
  .filter(({ family, names, elsewhere, type }) => {
    return family === "integer" && !names && !elsewhere && type !== "size_t";
  })
  .map(({ type }) => type);

/** What all entries of a policy read, and how a call gives it to the kernel. */
interface Reading {
  readonly call: string;
  readonly args: readonly Arg[];
  readonly make: (hooks: readonly CompiledHook[], random: Random) => Value;
  readonly act: (value: Value) => void;
  /** What an argument of the type has of it. */
  readonly read: (value: Value, type: ArgType) => Value;
}

const arg = (index: number, type: ArgType): Arg => ({ index, type, spec: { index, type } });

const readings: readonly Reading[] = [
  {
    call: "sys_ftruncate",
    args: integers.map((type) => arg(1, type)),
    make: (_, random) => {
      const edge = 2n ** BigInt(random.pick([7, 8, 15, 16, 31, 32, 40, 52]));
      const near = edge + BigInt(random.below(5) - 2);
      return random.chance(0.5) ? BigInt(random.below(130)) : near;
    },
    act: (length) => {
      try {
        ftruncateSync(descriptor, Number(length));
      } catch {
        // Longer than the file system has files.
      }
    },
    read: (value, type) => {
      const { bits = 64, signed = false } = typeRow(type);
      return signed
        ? BigInt.asIntN(bits, BigInt(`${value}`))
        : BigInt.asUintN(bits, BigInt(`${value}`));
    },
  },
  {
    call: "sys_access",
    args: [arg(0, "string")],
    make: (hooks, random) => {
      const filters = random.pick(hooks).selectors.flatMap((one) => one.filters);
      const values = JSON.stringify(filters).match(/"\/[^"\\]*"/g) ?? ['"/etc"'];
      const text: string = JSON.parse(random.pick(values));
      const at = random.below(text.length);
      return random.pick([text, `${text}z`, `z${text}`, text.slice(0, at), text.slice(at)]) || "/";
    },
    act: (path) => {
      try {
        accessSync(`${path}`);
      } catch {
        // There is hardly one.
      }
    },
    read: (value) => value,
  },
];

let descriptor = 0;

/** Each entry is for this process, and has some filters on the arguments. */
function entry({ call, args }: Reading, random: Random): string {
  const position = random.below(args.length);
  const type = args[position]?.type ?? "int";
  const [filter] = argFilter({ args: [position] }, type, { random, guard: false });
  const [condition] = expression(args, random);
  const matchArgs = random.chance(0.3) && condition !== undefined ? [condition] : [filter];
  const matchPIDs = [{ operator: "In", values: [process.pid] }];
  return `- ${JSON.stringify({
    ...{ call, args: args.map(({ spec }) => spec) },
    selectors: [{ matchPIDs, matchArgs, matchActions: [{ action: "NoPost" }] }],
  })}`;
}

describe(`filters at random, seed ${seed}`, { timeout: 900_000 }, () => {
  let sensor: GuestSensor;
  before(async () => {
    writeFileSync(file, "");
    descriptor = openSync(file, "r+");
    sensor = await startGuestSensor({ name: "gander-filters" });
  });
  after(async () => {
    closeSync(descriptor);
    await sensor?.[Symbol.asyncDispose]();
  });

  for (const [i, reading] of readings.entries())
    test(`${reading.call}: ${rules} rules, ${calls} calls`, async () => {
      const random = randomOf(seed, i);
      const entries = Array.from({ length: rules }, () => entry(reading, random));
      const name = `random-${i}`;
      const text = policyText(name, `kprobes:\n${entries.join("\n")}`);
      const { hooks } = policyOf(text).compiled;
      await addPolicy(sensor.policies, text);
      const matched = () =>
        (sensor.policies.list().find((one) => one.name === name)?.hooks ?? []).map(
          ({ selectors }) => selectors[0]?.counters.matched ?? 0n,
        );
      let held = 0;
      for (let call = 0; call < calls; call++) {
        const value = reading.make(hooks, random);
        const before = matched();
        reading.act(value);
        const now = matched();
        for (const [rule, hook] of hooks.entries()) {
          const holds = expected(hook, reading, value);
          if (holds) held++;
          const got = (now[rule] ?? 0n) - (before[rule] ?? 0n);
          assert.equal(got, holds ? 1n : 0n, `${value}: ${entries[rule]}`);
        }
      }
      console.log(`${held} of ${rules * calls} hold`);
      assert.ok(held > (rules * calls) / 10 && held < (rules * calls * 9) / 10);
    });
});

function expected({ args, selectors }: CompiledHook, reading: Reading, value: Value): boolean {
  const values = args.map(({ type }) => reading.read(value, type === "auto" ? "int" : type));
  const filters = selectors.flatMap((one) => one.filters as readonly TypedFilter[]);
  const call = { ...plainCall, pid: process.pid, args: values };
  return evaluateSelectors([selector(filters)], call, () => valueType.VALUE_U64) !== undefined;
}
