// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { stripPackage } from "../test/strip-types.ts";

const folder = stripPackage();
const scenes = join(folder, "test/lifetime-scenes.js");
after(() => rmSync(folder, { recursive: true }));

function play(scene: string) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ["--expose-gc", scenes, scene],
    { encoding: "utf8", timeout: 120_000 },
  );
  return { status, signal, stdout: stdout.trim(), stderr: stderr.trim() };
}

for (const scene of ["exit", "no-keep-alive", "worker-ends", "worker-terminated", "worker-closing"])
  test(`${scene}: everything open at the end harms nobody`, () => {
    assert.deepEqual(play(scene), { status: 0, signal: null, stdout: "done", stderr: "" });
  });

test("an error in a ring's callback is an uncaught exception", () => {
  const { status, stdout } = play("callback-throws");
  assert.deepEqual({ status, stdout }, { status: 3, stdout: "Error: from the callback" });
});

for (const scene of ["leaks-closed", "leaks-forgotten", "leaks-rings"])
  test(`${scene}: nothing stays after 10,000 rounds`, () => {
    const { stdout, stderr } = play(scene);
    assert.equal(stderr, "");
    const { descriptors, kilobytes } = JSON.parse(stdout);
    console.log(`# ${scene}: ${descriptors} descriptors, ${kilobytes} KB`);
    assert.ok(descriptors <= 0, `${descriptors} descriptors`);
    assert.ok(kilobytes < 10_000, `${kilobytes} KB`);
  });
