// SPDX-License-Identifier: Apache-2.0
// One hook entry for several functions: each of them is hooked, and what the entry says holds at each.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
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
