// SPDX-License-Identifier: Apache-2.0
// Paths and texts that functions return, and values that do not exist: what events show, and what filters decide.
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";

const folder = "/tmp/returned";
const target = `${folder}/a/target`;

const policy = (name: string, kprobes: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
${kprobes}
`;

const returned = policy(
  "returned",
  `  - call: do_filp_open
    syscall: false
    args: [{ index: 1, type: filename }]
    return: true
    returnArg: { index: 0, type: file, label: opened }
    selectors:
    - matchArgs: [{ index: 1, operator: Prefix, values: [${folder}/a/../] }]
  - call: sys_openat
    syscall: true
    args: [{ index: 1, type: string }]
    return: true
    returnArg: { index: 0, type: fd }
    selectors:
    - matchReturnArgs: [{ index: 0, operator: Equal, values: [${target}] }]
  - call: d_alloc
    syscall: false
    return: true
    returnArg: { index: 0, type: dentry }
    selectors:
    - matchReturnArgs: [{ index: 0, operator: Postfix, values: [/returned/made-here] }]
  - call: d_path
    syscall: false
    return: true
    returnArg: { index: 0, type: string }
    selectors:
    - matchReturnArgs: [{ index: 0, operator: Equal, values: [${target}] }]`,
);

const absent = policy(
  "absent",
  `  - call: sys_utimensat
    syscall: true
    args: [{ index: 1, type: string }]
    selectors:
    - matchBinaries: [{ operator: Postfix, values: [/touch] }]`,
);

const strict = policy(
  "strict",
  `  - call: sys_utimensat
    syscall: true
    args: [{ index: 1, type: string }]
    selectors:
    - matchArgs: [{ index: 1, operator: NotPrefix, values: [/allowed] }]
      matchBinaries: [{ operator: Postfix, values: [/touch] }]
      matchActions: [{ action: Sigkill }]
    - matchArgs: [{ index: 1, operator: Prefix, values: [/denied] }]
      matchBinaries: [{ operator: Postfix, values: [/touch] }]
      matchActions: [{ action: Sigkill }]`,
);

describe("returned values", () => {
  let sensor: Sensor;
  const kprobes = (call: RegExp) =>
    sensor
      .events()
      .flatMap(({ process_kprobe: event }) =>
        event && call.test(event.function_name ?? "") ? [event] : [],
      );
  before(async () => {
    mkdirSync(`${folder}/a`, { recursive: true });
    writeFileSync(target, "x");
    sensor = await Sensor.start({
      policies: { "returned.yaml": returned, "absent.yaml": absent, "strict.yaml": strict },
    });
    const open = (path: string) => closeSync(openSync(path, "r"));
    open(`${folder}/a/../a/target`);
    assert.throws(() => open(`${folder}/a/../missing`), /ENOENT/);
    const descriptor = openSync(target, "r");
    readlinkSync(`/proc/self/fd/${descriptor}`);
    closeSync(descriptor);
    mkdirSync(`${folder}/made-here`);
    await sensor.settled();
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("the file that was opened, and none where an error is returned", () => {
    assert.deepEqual(
      kprobes(/^do_filp_open$/).map(({ args, return: value }) => [args?.[0]?.string_arg, value]),
      [
        [
          `${folder}/a/../a/target`,
          { file_arg: { path: target, permission: "-rw-r--r--" }, label: "opened" },
        ],
        [`${folder}/a/../missing`, { error_arg: { Message: "there is no file" }, label: "opened" }],
      ],
    );
  });

  test("the file behind a new descriptor selects calls", () => {
    assert.deepEqual(
      kprobes(/sys_openat$/).map(({ args, return: value }) => [
        args?.[0]?.string_arg,
        value?.file_arg?.path,
      ]),
      [
        [`${folder}/a/../a/target`, target],
        [target, target],
      ],
    );
  });

  test("a dentry and a text select calls", () => {
    const [made, ...more] = kprobes(/^d_alloc$/);
    assert.deepEqual(more, []);
    assert.match(made?.return?.path_arg?.path ?? "", /\/returned\/made-here$/);
    assert.deepEqual(
      kprobes(/^d_path$/).map(({ return: value }) => value),
      [{ string_arg: target }],
    );
  });

  test("a null pointer is no text: events say so, and no filter on it holds", async () => {
    const touched = run("touch", [target]);
    assert.equal(touched.status, 0, describeResult(touched));
    await sensor.settled();
    const events = kprobes(/sys_utimensat$/);
    assert.deepEqual(
      events.map(({ args, policy_name, tags }) => [policy_name, args, tags]),
      [["absent", [{ error_arg: { Message: "no text: the pointer is null" } }], undefined]],
    );
    // One that is there is judged.
    assert.equal(run("touch", ["-h", target]).signal, "SIGKILL");
    const { output } = gander("policy", "list", "-o", "json");
    assert.doesNotMatch(output, /"unknown_memory": *"?[1-9]/);
  });
});
