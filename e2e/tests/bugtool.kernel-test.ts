// SPDX-License-Identifier: Apache-2.0
// `gander bugtool` names the cause for each way in which a sensor is broken here, and leaves secrets out.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, afterEach, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { describeResult, run } from "./lib/attack.ts";
import { readSeedPolicies, Sensor } from "./lib/sensor.ts";

const archive = "/run/bugtool.tar.gz";
const configuration = "/etc/gander/gander.yaml";
const full = "/run/full";

const policy = (name: string, call: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
    - call: ${call}
      syscall: false
`;

/** What it says, and the archive as one text. */
function bugtool(prepare = "true") {
  rmSync(archive, { force: true });
  const command = `${prepare}; exec gander bugtool --output ${archive} --timeout 60s`;
  const result = run("unshare", ["--mount", "bash", "-ec", command]);
  assert.ok(result.output.endsWith(`${archive}\n`), describeResult(result));
  const files = gunzipSync(readFileSync(archive)).toString();
  for (const name of ["SUMMARY.txt", "host/kernel.txt", "host/mounts.txt", "sensor/settings.json"])
    assert.ok(files.includes(name), `${name} is missing`);
  return { ...result, files };
}

describe("gander bugtool", { timeout: 900_000 }, () => {
  let sensor: Sensor | undefined;
  afterEach(async () => {
    await sensor?.[Symbol.asyncDispose]();
    sensor = undefined;
    rmSync(configuration, { force: true });
  });
  after(() => {
    rmSync(archive, { force: true });
    run("umount", ["-l", full]);
  });

  test("a sensor that is well", async () => {
    sensor = await Sensor.start({
      policies: readSeedPolicies(),
      flags: ["--otlp-endpoint=http://me:hidden-word@127.0.0.1:9"],
    });
    run("bash", ["-c", "true hidden-argument"]);
    const { status, output, files } = bugtool();
    assert.equal(status, 0, output);
    assert.match(output, /^Nothing was found wrong/);
    for (const name of ["sensor/policies.json", "sensor/bpf-objects.txt", "sensor/pins.txt"])
      assert.ok(files.includes(name), `${name} is missing`);
    assert.match(files, /bpf-map[\s\S]*map_type:/);
    assert.doesNotMatch(files, /hidden-word|hidden-argument/);
  });

  test("its configuration is wrong, and it does not run", () => {
    mkdirSync("/etc/gander", { recursive: true });
    writeFileSync(configuration, "export-filenam: /x\nrb-size: many\n");
    const { status, output } = bugtool();
    assert.equal(status, 1);
    assert.match(output, /No sensor runs/);
    assert.match(output, /configuration is wrong: .*"export-filenam"/);
    assert.match(output, /configuration is wrong: .*"many" is not a size/);
  });

  test("the bpf file system is not mounted", () => {
    const { output } = bugtool("umount -l /sys/fs/bpf");
    assert.match(output, /A bpf file system is missing at \/sys\/fs\/bpf/);
  });

  test("it was killed, and its socket is left", async () => {
    sensor = await Sensor.start({ policies: {} });
    await sensor.kill();
    const { status, output } = bugtool();
    assert.equal(status, 1);
    assert.match(output, /No sensor runs/);
    assert.match(output, /Cannot reach the sensor/);
  });

  test("a policy is wrong", async () => {
    sensor = await Sensor.start({ policies: { "wrong.yaml": "kind: TracingPolicy\n" } });
    const { status, output } = bugtool();
    assert.equal(status, 1);
    assert.match(output, /A policy is refused: .*wrong\.yaml/s);
  });

  test("a policy hooks what the kernel lacks", async () => {
    sensor = await Sensor.start({ policies: { "absent.yaml": policy("absent", "no_such_call") } });
    const { output } = bugtool();
    assert.match(output, /Policy "absent": .*no_such_call/);
  });

  test("there is no room for its state", async () => {
    mkdirSync(full, { recursive: true });
    run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full]);
    run("bash", ["-c", `head -c 1M /dev/zero > ${full}/zeros`]);
    sensor = await Sensor.start({ policies: {}, flags: ["--state-dir", full] });
    const { output } = bugtool();
    assert.match(output, new RegExp(`There is no room at ${full}`));
  });
});
