// SPDX-License-Identifier: Apache-2.0
// What `gander policy add` says is added is there after a crash, whatever becomes of the disk; or it says no.
import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { type AttackResult, run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";

const state = "/run/gander-state-test";
const file = "/etc/guarded-by-what-is-kept";
const policy = "/tmp/kept.yaml";
writeFileSync(
  policy,
  `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: kept }
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Equal, values: ["${file}"] }
      - { index: 1, operator: Equal, values: ["2"] }
      matchActions: [{ action: Sigkill }]
`,
);

/** Whether a write arrives at the file. */
function lands(): boolean {
  writeFileSync("/var/tmp/empty", "");
  run("mv", ["/var/tmp/empty", file]);
  run("bash", ["-c", `echo landed >> ${file}`]);
  return statSync(file).size > 0;
}

const sh = (command: string): AttackResult => {
  const result = run("sh", ["-c", command]);
  assert.equal(result.status, 0, result.errors);
  return result;
};
const health = () => gander("status").output;

describe("the state on disk", () => {
  after(() => rmSync(file, { force: true }));

  test("full: refused, and nothing is different after a restart", async () => {
    sh(`mkdir -p ${state} && mount -t tmpfs -o size=64k none ${state}`);
    await using sensor = await Sensor.start({ flags: ["--state-dir", state] });
    sh(`cat /dev/zero > ${state}/filler 2>/dev/null; true`);
    const added = gander("policy", "add", policy);
    assert.notEqual(added.status, 0);
    assert.match(added.errors, /ENOSPC/);
    assert.match(health(), /state on disk cannot be written/);
    assert.equal(lands(), true);
    sh(`rm ${state}/filler`);
    assert.equal(gander("policy", "add", policy).status, 0);
    assert.doesNotMatch(health(), /cannot be written/);
    sh(`cat /dev/zero > ${state}/filler 2>/dev/null; true`);
    for (const argv of [
      ["delete", "kept"],
      ["disable", "kept"],
      ["set-mode", "kept", "monitor"],
    ])
      assert.notEqual(gander("policy", ...argv).status, 0, argv.join(" "));
    assert.equal(lands(), false);
    await sensor.kill();
    assert.equal(lands(), false);
    await sensor.restart();
    assert.equal(lands(), false);
    assert.match(gander("policy", "list").output, /^kept /m);
  });

  test("replaced by a file, or read-only: the sensor starts all the same, and says no", async () => {
    sh(`umount -l ${state}; rm -rf ${state}; touch ${state}`);
    await using sensor = await Sensor.start({ flags: ["--state-dir", state] });
    assert.notEqual(gander("policy", "add", policy).status, 0);
    sh(`rm ${state}`);
    assert.equal(gander("policy", "add", policy).status, 0);
    await sensor.kill();
    sh(`mount --bind ${state} ${state} && mount -o remount,bind,ro ${state}`);
    await sensor.restart();
    assert.equal(lands(), false);
    assert.notEqual(gander("policy", "delete", "kept").status, 0);
    assert.equal(lands(), false);
    sh(`umount -l ${state}`);
  });

  test("all of it damaged: what is in force stays, is told, and can be ended", async () => {
    sh(`rm -rf ${state}`);
    await using sensor = await Sensor.start({ flags: ["--state-dir", state] });
    assert.equal(gander("policy", "add", policy).status, 0);
    await sensor.kill();
    sh(`for one in ${state}/*manifest*; do printf X | dd of=$one bs=1 seek=200 conv=notrunc; done`);
    await sensor.restart();
    assert.equal(lands(), false);
    const [name = ""] = /unknown:[\w-]+/.exec(health()) ?? [];
    assert.notEqual(name, "", health());
    assert.match(gander("policy", "list").output, /is not known/);
    assert.match(readFileSync("/run/gander-acceptance/sensor.log", "utf8"), /damaged/);
    const deleted = gander("policy", "delete", name);
    assert.equal(deleted.status, 0, deleted.errors);
    assert.equal(lands(), true);
  });
});
