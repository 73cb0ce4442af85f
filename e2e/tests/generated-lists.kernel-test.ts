// SPDX-License-Identifier: Apache-2.0
// Lists whose names the kernel has, each hooked by one program, and lists that numbers are compared with.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { attack, attackProgram, describeResult, run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";

const folder = "/tmp/generated-lists";
const secret = `${folder}/secret`;
const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: all-calls }
spec:
  lists:
  - { name: all, type: generated_syscalls }
  kprobes:
  - call: list:all
    selectors:
    - matchBinaries:
      - { operator: In, values: ["${folder}/true"] }
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: by-pattern }
spec:
  lists:
  - { name: files, type: generated_ftrace, pattern: "^vfs_(read|write|open)$" }
  kprobes:
  - call: list:files
    args: [{ index: 0, type: file }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Equal, values: ["${secret}"] }
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: by-number }
spec:
  lists:
  - { name: folders, type: syscalls, values: [sys_mkdir, sys_rmdir, i386/sys_socketcall] }
  tracepoints:
  - subsystem: raw_syscalls
    event: sys_enter
    args: [{ index: 4, type: syscall64 }]
    selectors:
    - matchArgs:
      - { index: 0, operator: InMap, values: ["list:folders"] }
      matchBinaries:
      - { operator: In, values: ["${folder}/mkdir", "${folder}/id", "${attackProgram}"] }
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: killed-anywhere }
spec:
  lists:
  - { name: making, type: generated_ftrace, pattern: "^vfs_mkdir$" }
  kprobes:
  - call: list:making
    selectors:
    - matchBinaries:
      - { operator: In, values: ["${folder}/install"] }
      matchActions: [{ action: Sigkill }]
`;

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
}

describe("lists whose names the kernel has", () => {
  let sensor: Sensor;
  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const tool of ["true", "mkdir", "id", "install", "cat"])
      copyFileSync(`/bin/${tool}`, `${folder}/${tool}`);
    writeFileSync(secret, "secret\n");
    sensor = await Sensor.start({ policies: { "lists.yaml": policy } });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const functionsOf = (policyName: string) =>
    new Set(
      sensor
        .events()
        .filter(({ process_kprobe }) => process_kprobe?.policy_name === policyName)
        .map(({ process_kprobe }) => process_kprobe?.function_name),
    );

  test("every policy is in force", () => {
    const shown: readonly Shown[] = JSON.parse(gander("policy", "list", "-o", "json").output);
    for (const { name, state, error } of shown)
      assert.equal(state, "TP_STATE_ENABLED", `${name}: ${error}`);
    assert.equal(shown.length, 4);
  });

  test("all system calls of a program are events with their own names", async () => {
    assert.equal(run(`${folder}/true`, []).status, 0);
    await sensor.settled();
    const called = functionsOf("all-calls");
    // Without arguments, and with: ftrace has another name for the first.
    for (const name of ["brk", "mmap", "openat", "exit_group"])
      assert.ok(called.has(`__x64_sys_${name}`), `${name} is not in ${[...called].join(" ")}`);
    assert.equal(run(`${folder}/id`, []).status, 0);
    await sensor.settled();
    const others = sensor
      .events()
      .filter(({ process_kprobe }) => process_kprobe?.policy_name === "all-calls")
      .filter(({ process_kprobe }) => process_kprobe?.process.binary !== `${folder}/true`);
    assert.deepEqual(others, []);
  });

  test("functions by pattern are those that have the arguments", async () => {
    assert.equal(run(`${folder}/cat`, [secret]).status, 0);
    run("/bin/sh", ["-c", `echo more >> ${secret}`]);
    await sensor.settled();
    assert.deepEqual(functionsOf("by-pattern"), new Set(["vfs_read", "vfs_write"]));
    const { process_kprobe: event } = await sensor.event(
      "a read",
      ({ process_kprobe }) => process_kprobe?.function_name === "vfs_read",
    );
    assert.equal(event?.args?.length, 1);
    assert.equal(event?.args?.[0]?.file_arg?.path, secret);
    const { output } = gander("policy", "list");
    assert.match(output, /list:files leaves out 1 that lack the arguments, such as vfs_open/);
  });

  test("a list of system calls is compared with numbers of both tables", async () => {
    assert.equal(run(`${folder}/mkdir`, [`${folder}/new`]).status, 0);
    // getuid: its number is that of socketcall in the other table.
    assert.equal(run(`${folder}/id`, ["-u"]).status, 0);
    const { status } = attack("connect-compat", "127.0.0.1", "1");
    await sensor.settled();
    const seen = sensor
      .events()
      .flatMap(({ process_tracepoint }) => process_tracepoint ?? [])
      .map(({ process, args }) => [process.binary, args]);
    const made = [`${folder}/mkdir`, [{ syscall_id: { id: 83, abi: "x64" } }]];
    const called = [attackProgram, [{ syscall_id: { id: 102, abi: "i386" } }]];
    const distinct = [...new Set(seen.map((one) => JSON.stringify(one)))].map((one) =>
      JSON.parse(one),
    );
    // 77: this kernel has no 32-bit calls.
    assert.deepEqual(distinct, status === 77 ? [made] : [made, called]);
  });

  test("a kill at a function of a pattern ends the process", () => {
    const result = run(`${folder}/install`, ["-d", `${folder}/installed`]);
    assert.equal(result.signal, "SIGKILL", describeResult(result));
  });

  test("a restarted sensor continues with the same programs", async () => {
    await sensor.kill();
    await sensor.restart();
    assert.match(sensor.log(), /"found":"same"/);
    run("/bin/sh", ["-c", `echo again >> ${secret}`]);
    await sensor.event(
      "a write after the restart",
      ({ process_kprobe, time }) =>
        process_kprobe?.function_name === "vfs_write" &&
        Date.parse(time) > Date.now() - 60_000 &&
        process_kprobe.policy_name === "by-pattern",
    );
  });
});
