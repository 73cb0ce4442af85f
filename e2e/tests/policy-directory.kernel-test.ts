// SPDX-License-Identifier: Apache-2.0
// Policies are files: what is put, changed or taken away takes effect while the sensor runs.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { describeResult, run } from "./lib/attack.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const kill = ["- action: Sigkill"];
const writeTo = (file: string) => run("bash", ["-c", `echo x >> ${file}`]).signal;
const stops = (file: string) => writeTo(file) === "SIGKILL";

describe("a directory of policies", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start();
  });
  after(() => sensor?.[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const name of ["a", "b"])
      rmSync(`${sensor.policyDirectory}/${name}.yaml`, { force: true });
  });

  test("added, changed, deleted", async () => {
    sensor.writePolicy("a.yaml", plainPolicy({ name: "a", prefix: "/var/tmp/one", actions: kill }));
    await waitUntil("it is in force", () => stops("/var/tmp/one"));
    sensor.writePolicy("a.yaml", plainPolicy({ name: "a", prefix: "/var/tmp/two", actions: kill }));
    await waitUntil("the new version is in force", () => stops("/var/tmp/two"));
    assert.equal(writeTo("/var/tmp/one"), null, "the old version is not");
    sensor.removePolicy("a.yaml");
    await waitUntil("it is gone", () => !stops("/var/tmp/two"));
  });

  test("a broken version leaves the old one in force and says where it is broken", async () => {
    const good = plainPolicy({ name: "a", prefix: "/var/tmp/kept", actions: kill });
    sensor.writePolicy("a.yaml", good);
    await waitUntil("it is in force", () => stops("/var/tmp/kept"));
    const said = sensor.log().length;
    sensor.writePolicy("a.yaml", good.replace("operator: Prefix", "operator: Prefx"));
    const log = await waitUntil("the log says so", () => {
      const text = sensor.log().slice(said);
      return text.includes("Prefx") ? text : undefined;
    });
    assert.match(log, /a\.yaml/);
    assert.match(log, /17.{0,30}19/s, "line 17, column 19");
    assert.match(log, /Prefix/, "what to write instead");
    assert.equal(stops("/var/tmp/kept"), true, "the old version is in force");
    const list = gander("policy", "list");
    assert.match(list.output, /^a .* enabled /m, describeResult(list));
    sensor.writePolicy("a.yaml", good);
    await sleep(500);
    assert.equal(stops("/var/tmp/kept"), true);
  });

  test("a broken file disturbs no other", async () => {
    sensor.writePolicy("b.yaml", "kind: [\n");
    sensor.writePolicy(
      "a.yaml",
      plainPolicy({ name: "a", prefix: "/var/tmp/other", actions: kill }),
    );
    await waitUntil("the good one is in force", () => stops("/var/tmp/other"));
  });

  test("written in place, bit by bit, as a slow editor does", async () => {
    const text = plainPolicy({ name: "a", prefix: "/var/tmp/slow", actions: kill });
    const path = `${sensor.policyDirectory}/a.yaml`;
    for (let size = 0; size < text.length; size += 40) {
      writeFileSync(path, text.slice(0, size));
      await sleep(20);
    }
    writeFileSync(path, text);
    await waitUntil("it is in force", () => stops("/var/tmp/slow"));
    rmSync(path);
    await waitUntil("it is gone", () => !stops("/var/tmp/slow"));
  });

  test("many at once", async () => {
    for (let i = 0; i < 60; i++)
      sensor.writePolicy(
        `many-${i}.yaml`,
        plainPolicy({ name: `many-${i}`, prefix: `/var/tmp/many-${i}-`, actions: kill }),
      );
    await waitUntil("the last is in force", () => stops("/var/tmp/many-59-x"));
    for (const i of [0, 17, 42]) assert.equal(stops(`/var/tmp/many-${i}-x`), true);
    assert.equal(writeTo("/var/tmp/many-x"), null);
    for (let i = 0; i < 60; i++) sensor.removePolicy(`many-${i}.yaml`);
    await waitUntil("all are gone", () =>
      [0, 17, 42, 59].every((i) => !stops(`/var/tmp/many-${i}-x`)),
    );
  });

  test("hooks of every kind", async () => {
    for (const [name, spec] of Object.entries(kindsOfHooks))
      sensor.writePolicy(
        `kind-${name}.yaml`,
        `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: kind-${name}\nspec:\n${spec}`,
      );
    for (const name of Object.keys(kindsOfHooks)) {
      await waitUntil(`an event of ${name}`, () => {
        run("bash", ["-c", "cat /etc/hostname; kill -0 $$; sleep 0"]);
        return sensor.exportedText().includes(`"policy_name":"kind-${name}"`);
      });
    }
    for (const name of Object.keys(kindsOfHooks)) sensor.removePolicy(`kind-${name}.yaml`);
  });

  test("a file that is a pipe, a directory, a dangling link, unreadable rubbish or huge is passed over", async () => {
    run("sh", [
      "-c",
      `cd ${sensor.policyDirectory} && mkfifo pipe.yaml; mkdir dir.yaml; ln -s /nowhere link.yaml; ln -s /dev/zero zero.yaml; head -c 100000 /dev/urandom > rubbish.yaml; truncate -s 3G huge.yaml`,
    ]);
    sensor.writePolicy(
      "a.yaml",
      plainPolicy({ name: "a", prefix: "/var/tmp/passed", actions: kill }),
    );
    await waitUntil("the good one is in force", () => stops("/var/tmp/passed"));
    assert.ok(sensor.running, sensor.log().slice(-3000));
    run("sh", [
      "-c",
      `cd ${sensor.policyDirectory} && rm -rf pipe.yaml dir.yaml link.yaml zero.yaml rubbish.yaml huge.yaml`,
    ]);
  });

  test("two files with a policy of one name: said, and one of them in force", async () => {
    sensor.writePolicy(
      "a.yaml",
      plainPolicy({ name: "same", prefix: "/var/tmp/same-a", actions: kill }),
    );
    await waitUntil("the first is in force", () => stops("/var/tmp/same-a"));
    const said = sensor.log().length;
    sensor.writePolicy(
      "b.yaml",
      plainPolicy({ name: "same", prefix: "/var/tmp/same-b", actions: kill }),
    );
    await waitUntil("the log names it", () => sensor.log().slice(said).includes("same"));
    assert.equal(
      [stops("/var/tmp/same-a"), stops("/var/tmp/same-b")].filter(Boolean).length >= 1,
      true,
    );
  });
});

const kindsOfHooks: Readonly<Record<string, string>> = {
  fentry: `  kprobes:
  - call: vfs_read
    syscall: false
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs: [{index: 0, operator: Equal, values: ["/etc/hostname"]}]
`,
  return: `  kprobes:
  - call: security_file_open
    syscall: false
    return: true
    args: [{index: 0, type: file}]
    returnArg: {index: 0, type: int}
    selectors:
    - matchArgs: [{index: 0, operator: Prefix, values: ["/etc/"]}]
`,
  syscall: `  kprobes:
  - call: sys_openat
    syscall: true
    args: [{index: 0, type: int}, {index: 1, type: string}]
    selectors:
    - matchArgs: [{index: 1, operator: Equal, values: ["/etc/hostname"]}]
`,
  tracepoint: `  tracepoints:
  - subsystem: syscalls
    event: sys_enter_kill
`,
  "raw-tracepoint": `  tracepoints:
  - subsystem: sched
    event: sched_process_exec
    raw: true
`,
  lsm: `  lsmhooks:
  - hook: file_open
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs: [{index: 0, operator: Prefix, values: ["/etc/"]}]
`,
};
