// SPDX-License-Identifier: Apache-2.0
// Arguments without a type, values behind arguments and behind the current task: events carry them, and
// filters on them decide.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";

const tools = "/tmp/behind-tools";
const policy = (name: string, spec: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
${spec}
`;

const programs = policy(
  "programs",
  `  kprobes:
  - call: security_bprm_check
    syscall: false
    args:
    - { index: 0 }
    - { index: 0, resolve: file.f_path.dentry.d_name.name, label: name }
    - { index: 0, type: string, resolve: mm.owner.real_parent.comm }
    - { index: 0, resolve: file.f_inode.i_mode }
    data:
    - { index: 0, source: current_task, resolve: tgid, type: int }
    - { index: 1, source: current_task, resolve: mm.exe_file, label: before }
    selectors:
    - matchArgs:
      - { args: [1], operator: Equal, values: ["behind-true"] }
  tracepoints:
  - subsystem: sched
    event: sched_process_exec
    args: [{ index: 4 }, { index: 5 }]
    selectors:
    - matchArgs:
      - { index: 4, operator: Postfix, values: ["/behind-true"] }`,
);

const folders = policy(
  "folders",
  `  kprobes:
  - call: security_inode_mkdir
    syscall: false
    args: [{ index: 1, resolve: d_name.name }, { index: 2 }]
    selectors:
    - matchArgs:
      - { index: 1, operator: Equal, values: [behind-forbidden] }
      matchActions: [{ action: Override, argError: -13 }]
  - call: security_inode_rmdir
    syscall: false
    data: [{ index: 0, source: current_task, resolve: mm.exe_file }]
    selectors:
    - matchData:
      - { index: 0, operator: Prefix, values: [${tools}/] }
      matchActions: [{ action: Sigkill }]`,
);

describe("values behind arguments", () => {
  let sensor: Sensor;
  before(async () => {
    mkdirSync(tools, { recursive: true });
    copyFileSync("/bin/true", `${tools}/behind-true`);
    copyFileSync("/bin/rmdir", `${tools}/rmdir`);
    sensor = await Sensor.start({
      policies: { "programs.yaml": programs, "folders.yaml": folders },
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    for (const path of [tools, "/tmp/behind-forbidden", "/tmp/behind-allowed"])
      rmSync(path, { recursive: true, force: true });
  });

  test("events carry them, those of the task as data", async () => {
    const parent = readFileSync("/proc/self/comm", "utf8").trim();
    const result = run(`${tools}/behind-true`, []);
    assert.equal(result.status, 0, describeResult(result));
    const { process_kprobe } = await sensor.event(
      "security_bprm_check",
      ({ process_kprobe }) => process_kprobe?.function_name === "security_bprm_check",
    );
    assert.ok(process_kprobe);
    const { args = [], data = [], process: self } = process_kprobe;
    assert.equal(args[0]?.linux_binprm_arg?.path, `${tools}/behind-true`);
    assert.deepEqual(args[1], { string_arg: "behind-true", label: "name" });
    assert.equal(args[2]?.string_arg, parent);
    assert.deepEqual(args.slice(3), [{ uint_arg: 0o100755 }]);
    assert.deepEqual(data[0], { int_arg: self.pid });
    assert.equal(data[1]?.label, "before");
    assert.equal(data[1]?.file_arg?.path, self.binary);
    const { process_tracepoint: traced } = await sensor.event(
      "sched_process_exec",
      ({ process_tracepoint }) => process_tracepoint?.event === "sched_process_exec",
    );
    assert.deepEqual(traced?.args, [
      { string_arg: `${tools}/behind-true` },
      { int_arg: traced?.process?.pid },
    ]);
  });

  test("filters on them deny, and nothing else is denied", () => {
    const denied = run("mkdir", ["/tmp/behind-forbidden"]);
    assert.equal(denied.status, 1, describeResult(denied));
    assert.match(denied.errors, /Permission denied/);
    assert.equal(existsSync("/tmp/behind-forbidden"), false);
    assert.equal(run("mkdir", ["/tmp/behind-allowed"]).status, 0);
    assert.equal(run(`${tools}/rmdir`, ["/tmp/behind-allowed"]).signal, "SIGKILL");
    assert.equal(existsSync("/tmp/behind-allowed"), true);
    assert.equal(run("rmdir", ["/tmp/behind-allowed"]).status, 0);
  });

  test("a member that this kernel lacks is an error that proposes one", () => {
    const file = `${tools}/broken.yaml`;
    writeFileSync(file, folders.replace("d_name.name", "d_nam.name").replace("folders", "broken"));
    const { status, output, errors } = gander("policy", "add", file);
    assert.notEqual(status, 0);
    assert.match(
      output + errors,
      /in this kernel struct dentry has no member d_nam\b.*Did you mean d_name\?/s,
    );
  });
});
