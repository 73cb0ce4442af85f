// SPDX-License-Identifier: Apache-2.0
// One sensor a machine: status tells the truth, a second one is refused, a stop cleans up.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { afterEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { describeResult, run } from "./lib/attack.ts";
import { gander, readSeedPolicies, Sensor } from "./lib/sensor.ts";

const pins = "/sys/fs/bpf/gander";
const isStopped = (file: string) => run("bash", ["-c", `echo x >> ${file}`]).signal === "SIGKILL";

describe("one sensor a machine", () => {
  let sensor: Sensor | undefined;
  afterEach(async () => {
    await sensor?.[Symbol.asyncDispose]();
    sensor = undefined;
  });

  test("status without a sensor: exit status 1 and what to do", () => {
    const result = gander("status");
    assert.equal(result.status, 1, describeResult(result));
    assert.match(result.output + result.errors, /gander run|not running|no sensor/i);
  });

  test("a second sensor is refused and disturbs nothing", async () => {
    sensor = await Sensor.start({ policies: readSeedPolicies() });
    const second = gander("run", "--policies", "/nonexistent");
    assert.equal(second.status, 1, describeResult(second));
    assert.match(second.errors + second.output, /already|another/i);
    assert.equal(gander("status").status, 0);
    assert.equal(isStopped("/etc/second"), true);
  });

  test("a clean stop takes everything away and says so", async () => {
    sensor = await Sensor.start({ policies: readSeedPolicies() });
    const said = sensor.log().length;
    assert.equal(await sensor.stop(), 0);
    assert.equal(existsSync(pins) && readdirSync(pins).length > 0, false, "pins are left");
    assert.equal(isStopped("/etc/stopped"), false);
    assert.match(sensor.log().slice(said), /enforcement|removed|taken away|stopped/i);
    assert.equal(gander("status").status, 1);
    assert.equal(programsOf("gander"), 0, "programs are left in the kernel");
    sensor = undefined;
  });

  test("a stop that is asked to keep enforcement keeps it, and says so", async () => {
    sensor = await Sensor.start({
      policies: readSeedPolicies(),
      flags: ["--keep-sensors-on-exit"],
    });
    const said = sensor.log().length;
    assert.equal(await sensor.stop(), 0);
    assert.equal(isStopped("/etc/kept"), true);
    assert.match(sensor.log().slice(said), /keep|kept|stays|left/i);
    assert.equal(gander("status").status, 1, "status does not call that ready");
    const next = await Sensor.start({ policies: readSeedPolicies() });
    assert.equal(isStopped("/etc/kept"), true);
    await next.stop();
    assert.equal(isStopped("/etc/kept"), false);
    sensor = undefined;
  });

  test("after a kill it stays, and a next one with other policies takes over", async () => {
    sensor = await Sensor.start({ policies: readSeedPolicies() });
    await sensor.kill();
    assert.equal(isStopped("/etc/orphan"), true);
    const next = await Sensor.start({ policies: {} });
    assert.equal(isStopped("/etc/orphan"), false, "what is no longer asked for is gone");
    await next.stop();
    sensor = undefined;
  });

  test("what happens while the sensor is dead is told by the next", async () => {
    sensor = await Sensor.start({ policies: readSeedPolicies() });
    await sensor.kill();
    run("/bin/true", ["while-dead"]);
    assert.equal(isStopped("/etc/while-dead"), true);
    await sensor.restart();
    await sensor.event(
      "the program",
      (event) => event.process_exec?.process.arguments === "while-dead",
    );
    await sensor.event(
      "the write",
      (event) => event.process_kprobe?.args?.[0]?.file_arg?.path === "/etc/while-dead",
    );
  });

  test("status is not ready before policies are in force", async () => {
    sensor = await Sensor.start({ policies: readSeedPolicies() });
    await sensor.stop();
    sensor.launch();
    for (;;) {
      const ready = gander("status").status === 0;
      if (!ready) {
        await sleep(10);
        continue;
      }
      assert.equal(isStopped("/etc/early"), true, "ready, and a forbidden write went through");
      break;
    }
  });

  test("a policy that can't be put in force is not reported as working", async () => {
    sensor = await Sensor.start({
      policies: {
        "absent.yaml":
          "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: absent\nspec:\n  kprobes:\n  - call: no_such_function_at_all\n    syscall: false\n",
      },
    });
    const list = gander("policy", "list");
    assert.match(list.output, /absent/);
    assert.doesNotMatch(list.output, /absent.*\benabled\b/i);
    assert.match(sensor.log(), /no_such_function_at_all/);
  });

  test("starts and stops leave nothing", async () => {
    for (let i = 0; i < 5; i++) {
      const once = await Sensor.start({ policies: readSeedPolicies() });
      await once.stop();
    }
    assert.equal(programsOf("gander"), 0);
    assert.equal(gander("status").status, 1);
  });
});

/** BPF programs that a process of this name, or a pin, still holds; 0 when all are gone. */
function programsOf(_owner: string): number {
  const list = run("bpftool", ["--json", "prog", "list"]);
  return JSON.parse(list.output || "[]").filter((program: { type: string }) =>
    ["lsm", "tracing", "kprobe", "raw_tracepoint"].includes(program.type),
  ).length;
}
