// SPDX-License-Identifier: Apache-2.0
// Every way of attaching sees every call, with its arguments, and does all that it can do.
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeSync } from "node:fs";
import { after, afterEach, test } from "node:test";
import {
  addPolicy,
  assertCountsAddUp,
  policyOf,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";
import type { PlanFacts } from "../plan/plan-facts.ts";

const sensor = await startGuestSensor({ name: "gander-attach" });
const { kernel, policies } = sensor;
const facts: { -readonly [K in keyof PlanFacts]: PlanFacts[K] } = kernel.policies.facts;
const { activeLsms, isTraceable, prototype } = facts;
after(() => sensor[Symbol.asyncDispose]());
afterEach(async () => {
  Object.assign(facts, { activeLsms, isTraceable, prototype });
  for (const { name } of policies.list())
    await policies.remove({ name, namespace: "", origin: "static" });
});

const callUmask = () => void process.umask(0o27);
const makeFolder = () => {
  mkdirSync("/tmp/attach-test");
  rmdirSync("/tmp/attach-test");
};

const umask = (extra = "") => `
kprobes:
- call: sys_umask
  ${extra}
  args: [{ index: 0, type: int }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["23"] }]`;

const mkdirPath = (action: string) => `
kprobes:
- call: security_path_mkdir
  syscall: false
  args: [{ index: 0, type: path }, { index: 2, type: uint16 }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["/tmp"] }]
    matchActions: [${action}]`;

type Case = {
  readonly how: RegExp;
  readonly spec: string;
  readonly act: () => void;
  /** Replaces facts, as on a kernel that lacks a feature. */
  readonly without?: Partial<PlanFacts>;
};

const cases: readonly Case[] = [
  { how: /^fentry program on __x64_sys_umask$/, spec: umask(), act: callUmask },
  {
    how: /^fexit program on __x64_sys_umask$/,
    spec: umask("return: true\n  returnArg: { index: 0, type: int }"),
    act: callUmask,
  },
  {
    how: /^kprobe on __x64_sys_umask$/,
    spec: umask(),
    act: callUmask,
    without: { isTraceable: () => false },
  },
  {
    how: /^kretprobe on __x64_sys_umask$/,
    spec: `
kprobes:
- call: sys_umask
  return: true
  returnArg: { index: 0, type: int }
  selectors:
  - matchReturnArgs: [{ index: 0, operator: LT, values: ["512"] }]`,
    act: callUmask,
    without: { isTraceable: () => false },
  },
  {
    how: /^tracepoint on syscalls\/sys_enter_umask$/,
    spec: `
tracepoints:
- subsystem: syscalls
  event: sys_enter_umask
  args: [{ index: 5, type: uint64 }]
  selectors:
  - matchArgs: [{ index: 5, operator: Equal, values: ["23"] }]`,
    act: callUmask,
  },
  {
    how: /^raw tracepoint on cgroup_mkdir$/,
    spec: `
tracepoints:
- subsystem: cgroup
  event: cgroup_mkdir
  raw: true
  args: [{ index: 1, type: string }]
  selectors:
  - matchArgs: [{ index: 1, operator: Equal, values: ["/attach-test"] }]`,
    act: () => {
      mkdirSync("/sys/fs/cgroup/attach-test");
      rmdirSync("/sys/fs/cgroup/attach-test");
    },
  },
  {
    how: /^LSM program on path_mkdir$/,
    spec: `
lsmhooks:
- hook: path_mkdir
  args: [{ index: 0, type: path }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["/tmp"] }]`,
    act: makeFolder,
  },
];

for (const { how, spec, act, without } of cases) {
  test(`${how.source}`, async () => {
    Object.assign(facts, without);
    const { hooks } = await addPolicy(policies, policyText("kinds", spec));
    assert.match(hooks[0]?.attachments[0]?.how ?? "", how);
    for (let i = 0; i < 10; i++) act();
    const state = stateOf(policies, "kinds");
    assert.equal(state.counters.matched, 10n);
    assert.equal(state.counters.emitted, 10n);
    assertCountsAddUp(state);
  });
}

const denied = { code: "EACCES" };
const override = "{ action: Override, argError: -13 }";

test("LSM and fmod_ret programs deny with the error of the policy", async () => {
  const lsm = await addPolicy(policies, policyText("lsm", mkdirPath(override)));
  assert.match(lsm.hooks[0]?.attachments[0]?.how ?? "", /^LSM program on path_mkdir$/);
  assert.throws(makeFolder, denied);
  await policies.remove({ name: "lsm", namespace: "", origin: "static" });
  makeFolder();
  facts.activeLsms = activeLsms.filter((name) => name !== "bpf");
  const modified = await addPolicy(policies, policyText("modified", mkdirPath(override)));
  assert.match(modified.hooks[0]?.attachments[0]?.how ?? "", /^fmod_ret program/);
  assert.match(modified.warnings.join(), /`bpf` is not in the kernel's list of active LSMs/);
  assert.throws(makeFolder, denied);
  assert.equal(stateOf(policies, "modified").counters.denied, 1n);
});

test("what the kernel lets nobody hook is refused with its reason", async () => {
  const functions = readFileSync("/sys/kernel/tracing/available_filter_functions", "utf8");
  assert.ok(!functions.includes("\ndo_syscall_64\n"), "it can be hooked on this kernel");
  const spec = "kprobes: [{ call: do_syscall_64, syscall: false }]";
  const { problems } = await policies.add(policyOf(policyText("refused", spec)), "static");
  assert.equal(problems?.length, 1);
  assert.match(problems?.[0]?.message ?? "", /cannot attach the kprobe on do_syscall_64: .*EINVAL/);
});

test("arguments of every type are read", async () => {
  const spec = `
kprobes:
- call: security_file_open
  syscall: false
  args: [{ index: 0, type: file }]
  selectors:
  - matchArgs: [{ index: 0, operator: Postfix, values: ["/hostname"] }]
- call: sys_openat
  args: [{ index: 0, type: int }, { index: 1, type: string }]
  selectors:
  - matchArgs: [{ index: 1, operator: Equal, values: ["/etc/hostname"] }]
- call: sys_close
  args: [{ index: 0, type: fd }]
  selectors:
  - matchArgs: [{ index: 0, operator: Prefix, values: ["/etc/hostname"] }]
- call: do_filp_open
  syscall: false
  args: [{ index: 1, type: filename }]
  selectors:
  - matchArgs: [{ index: 1, operator: Equal, values: ["/etc/hostname"] }]
- call: sys_write
  args: [{ index: 1, type: char_buf, sizeArgIndex: 3 }, { index: 2, type: size_t }]
  selectors:
  - matchArgs: [{ index: 1, operator: Prefix, values: ["needle"] }]`;
  await addPolicy(policies, policyText("types", spec));
  closeSync(openSync("/etc/hostname", "r"));
  const target = openSync("/tmp/haystack", "w");
  writeSync(target, "needle in it");
  writeSync(target, "nothing");
  closeSync(target);
  const state = stateOf(policies, "types");
  assert.deepEqual(
    state.hooks.map(({ target: name, selectors }) => [name, selectors[0]?.counters.matched]),
    ["security_file_open", "sys_openat", "sys_close", "do_filp_open", "sys_write"].map((one) => [
      one,
      1n,
    ]),
  );
});
