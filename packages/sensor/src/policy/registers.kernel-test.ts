// SPDX-License-Identifier: Apache-2.0
// Data from the registers of functions of the kernel and of programs: what becomes of a process shows whether a
// filter on it holds.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const folder = mkdtempSync("/tmp/registers-");
const program = `${folder}/called`;
const scenes = "/gander/bpf/build/test/scenes";
copyFileSync(resolve(import.meta.dirname, "../../../../bpf/build/test/called"), program);
const sensor = await startGuestSensor({ name: "gander-registers" });
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
const { policies } = sensor;
const remove = (name: string) => policies.remove({ name, namespace: "", origin: "static" });
const add = (name: string, spec: string) => addPolicy(policies, policyText(name, spec));
const matched = (name: string) => stateOf(policies, name).counters.matched;

test("arguments of a function of the kernel, by the registers that have them", async () => {
  const spec = (low: number) => `
kprobes:
- call: security_inode_mkdir
  syscall: false
  data:
  - { index: 0, source: pt_regs, resolve: rsi, type: dentry }
  - { index: 1, source: pt_regs, resolve: edx, type: uint32 }
  - { index: 2, source: pt_regs, resolve: dl }
  - { index: 3, source: pt_regs, resolve: dh }
  - { index: 4, source: pt_regs, resolve: rdi }
  selectors:
  - matchData:
    - { index: 0, operator: Postfix, values: [/ddddd] }
    - { index: 1, operator: Equal, values: ["0o755"] }
    - { index: 2, operator: Equal, values: ["${low}"] }
    - { index: 3, operator: Equal, values: ["1"] }
    - { index: 4, operator: GT, values: ["0xffff000000000000"] }
    matchActions: [{ action: Sigkill }]`;
  // A folder of that many letters, with mode 0755.
  const make = (letters: number) =>
    spawnSync(scenes, ["deep-write", "1", "file", `${letters}`], { cwd: folder }).signal;
  const { hooks, warnings } = await add("kernel", spec(0xed));
  assert.deepEqual(
    hooks[0]?.attachments.map(({ how }) => how),
    ["kprobe on security_inode_mkdir"],
  );
  assert.match(warnings.join(), /does not stop the call in progress/);
  assert.equal(make(4), null);
  assert.equal(make(5), "SIGKILL");
  assert.equal(matched("kernel"), 1n);
  await remove("kernel");
  rmSync(`${folder}/ddddd`, { recursive: true });
  await add("kernel", spec(0xec));
  assert.equal(make(5), null);
  await remove("kernel");
});

test("at a system call they are those of the kernel's function", async () => {
  await add(
    "call",
    `
kprobes:
- call: sys_umask
  args: [{ index: 0, type: int }]
  data: [{ index: 0, source: pt_regs, resolve: rdi }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["24"] }]
    matchData: [{ index: 0, operator: GT, values: ["0xffff000000000000"] }]`,
  );
  process.umask(0o30);
  process.umask(0o22);
  assert.equal(matched("call"), 1n);
  await remove("call");
});

test("at a place in a program, with what they point to there", async () => {
  const spec = (type: string, text: string) => `
uprobes:
- path: ${program}
  symbols: [at_registers]
  data:
  - { index: 0, source: pt_regs, resolve: ax, type: uint16 }
  - { index: 1, source: pt_regs, resolve: ${text}, type: ${type} }
  selectors:
  - matchData:
    - { index: 0, operator: Equal, values: ["0x7788"] }
    - { index: 1, operator: NotEqual, values: [harmless] }
    matchActions: [{ action: Sigkill }]`;
  const fills = (text: string) => {
    const { signal, stdout } = spawnSync(program, ["registers", text], { encoding: "utf8" });
    assert.equal(stdout, signal === null ? "filled\n" : "");
    return signal === null;
  };
  await add("program", spec("string", "rbx"));
  assert.equal(fills("harmful"), false);
  assert.ok(fills("harmless"));
  assert.equal(matched("program"), 1n);
  await remove("program");
  // No address: a text that can't be read fits no filter.
  await add("program", spec("string", "rax"));
  assert.ok(fills("harmful"));
  assert.equal(matched("program"), 0n);
  await remove("program");
});
