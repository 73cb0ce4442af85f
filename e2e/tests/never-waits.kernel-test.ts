// SPDX-License-Identifier: Apache-2.0
// Processes of which something lies where nobody ever answers: FUSE, userfaultfd. Nothing of the sensor waits.
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { type RunningAttack, run, startAttack } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const file = "/etc/guarded-from-the-silent";

/** Guards the file against all but what descends from a binary that nobody has. */
const following = (name: string, binary: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Equal, values: ["${file}"] }
      - { index: 1, operator: Equal, values: ["2"] }
      matchBinaries: [{ operator: NotIn, followChildren: true, values: ["${binary}"] }]
      matchActions: [{ action: Sigkill }]
`;

const killing = (name: string, path: string, made: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  uprobes:
  - path: ${path}
    symbols: [creates]
    args: [{ index: 0, type: string }]
    selectors:
    - matchArgs: [{ index: 0, operator: Equal, values: ["${made}"] }]
      matchActions: [{ action: Sigkill }]
`;

const program = (name: string) => resolve(import.meta.dirname, `../../bpf/build/test/${name}`);

/** What an answer may take here: to start a program alone takes seconds under emulation. */
const soonMs = 60_000;

function answers(...argv: readonly string[]): void {
  const { status, output, errors } = run("gander", argv, soonMs);
  assert.equal(status, 0, `gander ${argv.join(" ")}: ${status} ${output} ${errors}`);
}

describe("processes that never answer", () => {
  const running: RunningAttack[] = [];
  let sensor: Sensor;
  const hold = async (way: string, count: number): Promise<void> => {
    const one = startAttack("silent-processes", way, String(count));
    running.push(one);
    const line = await one.nextLine();
    assert.equal(line, "ready", line === undefined ? (await one.ended()).errors : line);
  };
  before(async () => {
    run("modprobe", ["fuse"]);
    writeFileSync(file, "");
    // They are there before the sensor: what it tells of them at its start must not hold it, either.
    await hold("fuse", 1);
    await hold("userfaultfd", 2);
    sensor = await Sensor.start();
  });
  after(async () => {
    for (const one of running) one.process.kill("SIGKILL");
    await sensor?.[Symbol.asyncDispose]();
  });

  for (const [i, [way, count]] of (
    [
      ["fuse", 1],
      ["userfaultfd", 1],
      ["cwd", 1],
      ["exe", 1],
      ["fuse", 200],
    ] as const
  ).entries())
    test(`a policy that follows children comes while ${count} wait: ${way}`, async () => {
      await hold(way, count);
      const policy = `/tmp/following-${i}.yaml`;
      writeFileSync(policy, following(`following-${i}`, `/nobody/has/${i}`));
      answers("policy", "add", policy);
      answers("status");
      answers("policy", "list");
      run("bash", ["-c", `echo landed >> ${file}`]);
      assert.equal(statSync(file).size, 0, readFileSync(file, "utf8"));
      answers("policy", "delete", `following-${i}`);
    });

  for (const [way, what] of [
    ["lookup", "the name"],
    ["attributes", "the attributes"],
    ["read", "the content"],
  ] as const)
    test(`a hooked path leads where ${what} never comes, then to a program: ${way}`, async () => {
      const folder = `/tmp/hooked-${way}`;
      const [path, made, name] = [`${folder}/called`, `${folder}/made`, `hooked-${way}`];
      const becomes = (put: (next: string) => void) => {
        put(`${folder}/next`);
        renameSync(`${folder}/next`, path);
      };
      const isKilled = () => run(path, ["creates", made]).signal === "SIGKILL";
      const state = () => run("gander", ["policy", "list", "-o", "json"], soonMs).output;
      mkdirSync(`${folder}/silent`, { recursive: true });
      becomes((next) => copyFileSync(program("called"), next));
      const policy = `/tmp/${name}.yaml`;
      writeFileSync(policy, killing(name, path, made));
      answers("policy", "add", policy);
      assert.ok(isKilled());
      const server = startAttack("silent-mount", way, `${folder}/silent`);
      running.push(server);
      assert.equal(await server.nextLine(), "ready");
      becomes((next) => symlinkSync(`${folder}/silent/program`, next));
      await waitUntil("the state says so", () => /does not answer/.test(state()), 60_000);
      assert.match(
        state(),
        /spec\.uprobes\[0\]: the file that was there before is still hooked, but \S*called: its file system does not answer/,
      );
      writeFileSync(`/tmp/other-${way}.yaml`, following(`other-${way}`, "/nobody/has/this"));
      answers("policy", "add", `/tmp/other-${way}.yaml`);
      answers("policy", "delete", `other-${way}`);
      becomes((next) => copyFileSync(program("called-later"), next));
      if (way === "read") {
        // Its thread still waits for the content, and a path has one; it ends with its file system.
        server.process.kill("SIGKILL");
      }
      await waitUntil("the new program is hooked", isKilled, 30_000);
      assert.doesNotMatch(state(), /does not answer/);
      // A thread that waits for FUSE can't even be killed: the sensor is to be killed below.
      server.process.kill("SIGKILL");
      answers("policy", "delete", name);
    });

  test("events go on, and a restart with all of them there", async () => {
    await sensor.settled();
    await sensor.kill();
    await sensor.restart();
    answers("status");
    await sensor.settled();
    // Of one whose arguments can't be had, all the rest is told.
    const silent = sensor
      .events()
      .filter(({ process_exec }) => process_exec?.process.binary.endsWith("/attack"));
    assert.ok(silent.length > 200, String(silent.length));
  });

  test("the sensor stops as ever", async () => {
    assert.equal(await sensor.stop(), 0);
    assert.equal(gander("status").status, 1);
  });
});
