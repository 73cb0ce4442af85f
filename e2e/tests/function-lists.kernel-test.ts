// SPDX-License-Identifier: Apache-2.0
// One hook entry for several functions: each of them is hooked, and what the entry says holds at each.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { attackProgram, describeResult, run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";

const tools = "/tmp/listed-tools";
const folder = "/tmp/listed-folder";
const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: lists }
spec:
  lists:
  - name: calls
    type: syscalls
    values: [sys_mkdir, x64/sys_rmdir]
  - name: decisions
    values: [security_inode_mkdir, security_inode_rmdir]
  kprobes:
  - call: list:calls
    args: [{ index: 0, type: string }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Equal, values: ["${folder}-watched"] }
      matchActions: [{ action: Sigkill }]
  fentries:
  - call: list:decisions
    selectors:
    - matchBinaries:
      - { operator: Prefix, values: ["${tools}/"] }
      matchActions: [{ action: Override, argError: -1 }]
`;

const compatPolicy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: of-32-bits }
spec:
  lists:
  - { name: calls, type: syscalls, values: [sys_mkdir, i386/sys_mkdir, i386/sys_openat] }
  - { name: kills, type: syscalls, values: [i386/sys_rmdir] }
  kprobes:
  - call: list:calls
    args: [{ index: 0, type: int }, { index: 1, type: uint64 }]
    selectors:
    - matchBinaries: [{ operator: In, values: ["${attackProgram}"] }]
  - call: list:kills
    args: [{ index: 0, type: string }]
    selectors:
    - matchArgs: [{ index: 0, operator: Prefix, values: ["${folder}-low"] }]
      matchActions: [{ action: Sigkill }]
  - call: __ia32_compat_sys_openat
    args: [{ index: 1, type: string }, { index: 2, type: int }]
    selectors:
    - matchArgs: [{ index: 1, operator: Equal, values: [/etc/hostname] }]
  - call: __ia32_sys_mmap_pgoff
    args:
    - { index: 0, type: uint64 }
    - { index: 1, type: size_t }
    - { index: 2, type: int }
    - { index: 3, type: uint32 }
    - { index: 4, type: int }
    - { index: 5, type: uint64 }
    selectors:
    - matchArgs: [{ index: 5, operator: Equal, values: ["7"] }]
`;

describe("system calls of 32-bit programs", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start({ policies: { "compat.yaml": compatPolicy } });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    for (const path of [folder, `${folder}-low`]) rmSync(path, { recursive: true, force: true });
  });
  const compat = (...argv: readonly string[]) => run(attackProgram, ["compat", ...argv]);
  const argsOf = (call: string, number: number) =>
    sensor
      .event(
        call,
        ({ process_kprobe: event }) =>
          event?.function_name === call && event.args?.length === number,
      )
      .then(({ process_kprobe: event }) => event?.args);

  // 77: this kernel has no such calls.
  test("are watched by their name, with their own registers", async (t) => {
    // The kernel takes the lower halves of registers.
    const made = compat("39", folder, "0x7000001ed");
    if (made.status === 77) return t.skip("this kernel has no 32-bit calls");
    assert.equal(made.status, 0, describeResult(made));
    const args = await argsOf("__ia32_sys_mkdir", 2);
    assert.deepEqual(args?.[1], { size_arg: String(0o755) });
    assert.equal(compat("295", "-100", "/etc/hostname", "0", "0").status, 0);
    assert.equal((await argsOf("__ia32_sys_openat", 2))?.[0]?.int_arg, -100);
    assert.equal(compat("295", "-100", "/etc/hosts", "0", "0").status, 0);
    await sensor.settled();
    const texts = sensor
      .events()
      .flatMap(({ process_kprobe: event }) => event?.args?.[0]?.string_arg ?? []);
    assert.deepEqual(texts, ["/etc/hostname"]);
  });

  test("all six arguments arrive", async (t) => {
    // mmap2: where, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, no file, a page of it.
    const mapped = compat("192", "0", "4096", "1", "0x22", "-1", "7");
    if (mapped.status === 77) return t.skip("this kernel has no 32-bit calls");
    assert.deepEqual(await argsOf("__ia32_sys_mmap_pgoff", 6), [
      ...[{ size_arg: "0" }, { size_arg: "4096" }, { int_arg: 1 }, { uint_arg: 0x22 }],
      ...[{ int_arg: -1 }, { size_arg: "7" }],
    ]);
  });

  test("a kill there ends the process, and the 64-bit call is another one", (t) => {
    for (const path of [`${folder}-low`, `${folder}-lower`]) mkdirSync(path, { recursive: true });
    const result = compat("40", `${folder}-low`);
    if (result.status === 77) return t.skip("this kernel has no 32-bit calls");
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    assert.equal(run("rmdir", [`${folder}-lower`]).status, 0);
    assert.equal(compat("40", "/tmp/no-such-folder").status, 1);
  });
});

describe("lists of functions", () => {
  let sensor: Sensor;
  before(async () => {
    mkdirSync(tools, { recursive: true });
    for (const tool of ["mkdir", "rmdir"]) copyFileSync(`/bin/${tool}`, `${tools}/${tool}`);
    sensor = await Sensor.start({ policies: { "lists.yaml": policy } });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    for (const path of [tools, folder, `${folder}-watched`])
      rmSync(path, { recursive: true, force: true });
  });

  test("each system call of a list is watched, with its arguments", async () => {
    for (const [tool, call] of [
      ["mkdir", "__x64_sys_mkdir"],
      ["rmdir", "__x64_sys_rmdir"],
    ] as const) {
      const result = run(tool, [`${folder}-watched`]);
      assert.equal(result.signal, "SIGKILL", `${tool}: ${describeResult(result)}`);
      const { process_kprobe: event } = await sensor.event(
        call,
        ({ process_kprobe }) => process_kprobe?.function_name === call,
      );
      assert.deepEqual(event?.args, [{ string_arg: `${folder}-watched` }]);
      assert.equal(event?.policy_name, "lists");
    }
    const other = run("mkdir", [`${folder}-watched-not`]);
    assert.equal(other.status, 0, describeResult(other));
    assert.equal(run("rmdir", [`${folder}-watched-not`]).status, 0);
  });

  test("each function of a list is denied", () => {
    assert.equal(run(`${tools}/mkdir`, [folder]).status, 1);
    assert.equal(existsSync(folder), false);
    assert.equal(run("mkdir", [folder]).status, 0);
    assert.equal(run(`${tools}/rmdir`, [folder]).status, 1);
    assert.equal(existsSync(folder), true);
    assert.equal(run("rmdir", [folder]).status, 0);
  });

  test("the policy shows each of them, in the section where it was written", () => {
    const { output } = gander("policy", "list", "-o", "json");
    const shown = JSON.parse(output);
    const [{ hook_statuses: hooks }] = shown.policies ?? shown;
    assert.deepEqual(
      hooks.map((hook: { section: string; hook_description: string }) => hook.section),
      ["kprobes", "kprobes", "fentries", "fentries"],
    );
  });
});
