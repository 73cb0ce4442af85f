// SPDX-License-Identifier: Apache-2.0
// A filter on what a call adds to a set of capabilities: what processes can still do shows whether it holds.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor({ name: "gander-gained" });
after(() => sensor[Symbol.asyncDispose]());
const { policies } = sensor;

const scenes = "/gander/bpf/build/test/scenes";
/** Whether the steps succeed. */
function can(...steps: readonly string[]): boolean {
  const { status, stderr } = spawnSync(scenes, ["steps", ...steps], { encoding: "utf8" });
  assert.ok(status === 0 || /Operation not permitted/.test(stderr), `${status} ${stderr}`);
  return status === 0;
}
const remove = (name: string) => policies.remove({ name, namespace: "", origin: "static" });
const counters = (name: string) => stateOf(policies, name).counters;

/** capset(2) may not add to the effective set. */
const noRaise = (filter: string) =>
  policyText(
    "no-raise",
    `
kprobes:
- call: security_capset
  syscall: false
  args:
  - { index: 1, type: cap_effective, resolve: cap_effective }
  - { index: 2, type: cap_effective }
  selectors:
  - matchArgs:
    - { args: [0, 1], operator: CapabilitiesGained${filter} }
    matchBinaries: [{ operator: In, values: [${scenes}] }]
    matchActions: [{ action: Override, argError: -1 }]`,
  );

test("what is dropped can't be raised again, and dropping stays possible", async () => {
  assert.ok(can("drop-admin", "raise-admin"));
  await addPolicy(policies, noRaise(""));
  assert.ok(can("drop-admin", "drop-admin"));
  assert.equal(can("drop-admin", "raise-admin"), false);
  // Nothing is gained: it has the capability already.
  assert.ok(can("raise-admin"));
  assert.equal(counters("no-raise").matched, 1n);
  await remove("no-raise");
});

test("only the capabilities that are named count", async () => {
  await addPolicy(policies, noRaise(", values: [CAP_NET_RAW, CAP_BPF]"));
  assert.ok(can("drop-admin", "raise-admin"));
  await remove("no-raise");
  await addPolicy(policies, noRaise(', values: [CAP_NET_RAW, "CAP_BPF,CAP_SYS_ADMIN"]'));
  assert.equal(can("drop-admin", "raise-admin"), false);
  await remove("no-raise");
});

test("one of the two can be that of the current task", async () => {
  // Of commit_creds the argument are the new credentials; the kernel has no argument with the old ones.
  await addPolicy(
    policies,
    policyText(
      "no-way-back",
      `
kprobes:
- call: commit_creds
  syscall: false
  args: [{ index: 0, type: cap_effective, resolve: cap_effective }]
  data: [{ index: 0, type: cap_effective, source: current_task, resolve: cred.cap_effective }]
  selectors:
  - matchArgs: [{ args: [1, 0], operator: CapabilitiesGained, values: [CAP_SYS_ADMIN] }]
    matchBinaries: [{ operator: In, values: [${scenes}] }]
    matchActions: [{ action: Sigkill }]`,
    ),
  );
  assert.ok(can("drop-admin"));
  const { signal } = spawnSync(scenes, ["steps", "drop-admin", "raise-admin"]);
  assert.equal(signal, "SIGKILL");
  assert.equal(counters("no-way-back").matched, 1n);
  // A user namespace of its own comes with every capability there.
  assert.equal(spawnSync(scenes, ["steps", "setuid", "unshare-user"]).signal, "SIGKILL");
  await remove("no-way-back");
});

test("an argument that is no set is said when a kernel's types are known", async () => {
  const text = policyText(
    "untyped",
    `
kprobes:
- call: security_capset
  syscall: false
  args: [{ index: 1 }, { index: 2 }]
  selectors:
  - matchArgs: [{ args: [0, 1], operator: CapabilitiesGained }]`,
  );
  await assert.rejects(addPolicy(policies, text), /CapabilitiesGained.*type cred/);
  await remove("untyped");
});
