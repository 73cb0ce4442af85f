// SPDX-License-Identifier: Apache-2.0
// Made-up valid policies on this kernel's functions: each is loaded or refused by our own check, with a reason; the
// verifier refuses none. GANDER_POLICIES=1000 GANDER_SEED=7 makes other ones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type ArgType, checkPolicy } from "@gander/policy";
import { readCType } from "../../packages/policy/src/kernel-check/c-type.ts";
import { typeFor } from "../../packages/policy/src/kernel-check/check-prototype.ts";
import { readRunningKernel } from "../../packages/sensor/src/kernel/read-running-kernel.ts";
import { randomOf } from "../siege/random.ts";
import { randomPolicy, type Target } from "./lib/random-policy.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const count = Number(process.env.GANDER_POLICIES ?? 8);
const seed = Number(process.env.GANDER_SEED ?? 1);
const atATime = 8;

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly error?: string;
}

describe(`made-up policies, seed ${seed}`, () => {
  let sensor: Sensor;
  let targets: readonly Target[];
  const states = new Map<string, number>();
  before(async () => {
    targets = targetsOfThisKernel();
    sensor = await Sensor.start();
  });
  after(() => sensor?.[Symbol.asyncDispose]());

  for (let first = 0; first < count; first += atATime) {
    test(`${first} to ${Math.min(first + atATime, count) - 1}`, async () => {
      const policies = Array.from({ length: Math.min(atATime, count - first) }, (_, i) => {
        const name = `made-up-${first + i}`;
        const text = JSON.stringify(
          randomPolicy(name, randomOf(seed, first + i), targets),
          null,
          1,
        );
        const { problems = [] } = checkPolicy(text, { file: `${name}.yaml` });
        // What the check refuses shows that a table of the language is wrong, or this generator.
        assert.deepEqual(
          problems.map(({ path, message }) => `${path}: ${message}`),
          [],
          text,
        );
        return { name, file: `${name}.yaml`, text };
      });
      for (const { file, text } of policies) sensor.writePolicy(file, text);
      const shown = await waitUntil(
        "each is in force or refused",
        () => {
          const listed: readonly Shown[] = JSON.parse(
            gander("policy", "list", "-o", "json").output,
          );
          const found = policies.map(({ name }) => listed.find((one) => one.name === name));
          return found.every((one) => one !== undefined) ? found : undefined;
        },
        300_000,
      );
      for (const { file } of policies) sensor.removePolicy(file);
      for (const { name, state, error = "" } of shown) {
        states.set(state, (states.get(state) ?? 0) + 1);
        const text = policies.find((policy) => policy.name === name)?.text;
        // The verifier's words, a limit of ours that nobody named, a program that did not load.
        assert.doesNotMatch(error, /Cannot load|verifier|internal|undefined/i, text);
        if (state !== "TP_STATE_ENABLED")
          assert.notEqual(error, "", `${state} without a reason: ${text}`);
      }
      assert.ok(sensor.running, "the sensor has ended");
    });
  }

  test("most of them are in force", () => {
    console.log([...states].map(([state, number]) => `${number} ${state}`).join(", "));
    assert.ok((states.get("TP_STATE_ENABLED") ?? 0) > count / 2);
  });
});

function targetsOfThisKernel(): readonly Target[] {
  const facts = readRunningKernel();
  const names = readFileSync("/sys/kernel/tracing/available_filter_functions", "utf8")
    .split("\n")
    .filter((line) => !line.includes("["))
    .map((line) => line.split(" ")[0] ?? "");
  const plain = /^(security_|vfs_|do_|tcp_|udp_|inet_|ip_|path_|fd_|commit_creds|cap_)\w+$/;
  const functions = names.filter((name) => plain.test(name));
  const hooks = functions
    .filter((name) => name.startsWith("security_"))
    .map((name) => name.slice("security_".length));
  facts.prefetch([...functions, ...hooks.map((name) => `bpf_lsm_${name}`)]);
  const typeOf = (type: string): ArgType | undefined => typeFor(readCType(type));
  const target = (section: Target["section"], name: string, symbol: string): Target[] => {
    const prototype = facts.prototype(symbol);
    if (prototype === undefined) return [];
    const parameters = prototype.parameters.map(({ type }) => typeOf(type));
    const returns = typeOf(prototype.returnType);
    return [{ section, name, syscall: false, raw: false, parameters, returns }];
  };
  const calls = names
    .filter((name) => name.startsWith("__x64_sys_"))
    .map((name): Target => {
      const call = name.slice("__x64_".length);
      const of = { syscall: true, raw: false, parameters: [], returns: "int64" } as const;
      return { section: "kprobes", name: call, ...of };
    });
  const events = ["sched/sched_process_fork", "sched/sched_process_exec", "signal/signal_generate"];
  const tracepoints = events.map((name): Target => {
    const of = { syscall: false, raw: true, parameters: [], returns: undefined } as const;
    return { section: "tracepoints", name, ...of };
  });
  return [
    ...functions.flatMap((name) => target("kprobes", name, name)),
    ...hooks.flatMap((name) => target("lsmhooks", name, `bpf_lsm_${name}`)),
    ...calls,
    ...tracepoints,
  ];
}
