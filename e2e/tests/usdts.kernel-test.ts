// SPDX-License-Identifier: Apache-2.0
// Static probes of programs, as users see them: events, and what is done to the process.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";

const folder = "/tmp/usdts";
const program = `${folder}/probed`;
const made = `${folder}/made`;
const built = resolve(import.meta.dirname, "../../bpf/build/test/probed");

const policy = (name: string, usdts: string) =>
  `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: { name: ${name} }\nspec:\n  usdts:\n${usdts}`;

const observed = policy(
  "observed",
  `  - path: ${program}
    provider: shop
    name: sold
    message: something is sold
    tags: [sales]
    args:
    - { index: 0, type: int, label: count }
    - { index: 1, type: string }
    selectors:
    - matchArgs: [{ index: 1, operator: Prefix, values: [seen] }]
  - path: ${program}
    provider: shop
    name: counted
    args: [{ index: 0, type: int }]
`,
);
const killed = policy(
  "killed",
  `  - path: ${program}
    provider: shop
    name: creating
    args: [{ index: 0, type: string }]
    selectors:
    - matchArgs: [{ index: 0, operator: Equal, values: [${made}] }]
      matchActions: [{ action: Sigkill }]
`,
);

describe("static probes of programs", () => {
  let sensor: Sensor;
  const usdts = (name: string) =>
    sensor.events().flatMap(({ process_usdt: event }) => (event?.name === name ? [event] : []));

  before(async () => {
    mkdirSync(folder, { recursive: true });
    copyFileSync(built, program);
    sensor = await Sensor.start({
      policies: { "observed.yaml": observed, "killed.yaml": killed },
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("an event has the arguments of each place of the probe", async () => {
    run(program, ["sold", "-7", "not seen"]);
    run(program, ["sold", "-7", "seen"]);
    await sensor.settled();
    const events = usdts("sold");
    assert.deepEqual(
      events.map(({ args }) => args),
      [-7, -6].map((count) => [{ int_arg: count, label: "count" }, { string_arg: "seen" }]),
    );
    const [event] = events;
    assert.equal(event?.path, program);
    assert.equal(event?.provider, "shop");
    assert.equal(event?.policy_name, "observed");
    assert.equal(event?.message, "something is sold");
    assert.deepEqual(event?.tags, ["sales"]);
    assert.equal(event?.process.binary, program);
    assert.equal(event?.action, "KPROBE_ACTION_POST");
  });

  test("a program knows that its probe is in use", async () => {
    assert.equal(run(program, ["counted", "5"]).output, "1\n");
    await sensor.settled();
    assert.deepEqual(
      usdts("counted").map(({ args }) => args),
      [[{ int_arg: 5 }]],
    );
  });

  test("a process is killed where it passes the probe", async () => {
    const result = run(program, ["creates", made]);
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    assert.equal(existsSync(made), false);
    await sensor.settled();
    assert.deepEqual(
      usdts("creating").map(({ action, args }) => [action, args]),
      [["KPROBE_ACTION_SIGKILL", [{ string_arg: made }]]],
    );
  });

  test("a check on this machine knows what the program lacks", () => {
    const file = `${folder}/checked.yaml`;
    const check = (name: string) => {
      const text = `  - path: ${program}\n    provider: shop\n    name: ${name}\n`;
      writeFileSync(file, policy("checked", text));
      return run("gander", ["policy", "check", "--kernel", "live", file]);
    };
    assert.equal(check("sold").status, 0);
    const wrong = check("solt");
    assert.equal(wrong.status, 1, describeResult(wrong));
    assert.match(wrong.output + wrong.errors, /no probe shop:solt[\s\S]*Did you mean shop:sold\?/);
  });
});
