// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { moreAttacks, startAttacker } from "../../test/attacker.ts";
import {
  addPolicy,
  assertCountsAddUp,
  drainTypes,
  policyOf,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";
import { recordType } from "../link/abi.gen.ts";

const examples = new URL("../../../../policies/examples/", import.meta.url);
const seeds = [
  "detect-tmp-exec",
  "file-monitoring-filtered",
  "monitor-network-activity-outside-cluster",
];

const sensor = await startGuestSensor();
after(() => sensor[Symbol.asyncDispose]());
const { kernel, policies } = sensor;

const key = (name: string) => ({ name, namespace: "", origin: "static" }) as const;
const removeAll = async () => {
  for (const { name } of policies.list()) await policies.remove(key(name));
};

test("the seed policies observe, kill and deny; everything else goes on", async () => {
  const texts = seeds.map((name) => readFileSync(new URL(`${name}.yaml`, examples), "utf8"));
  const added = await Promise.all(texts.map((text) => addPolicy(policies, text)));
  assert.deepEqual(
    added.map(({ name, state, mode, warnings }) => ({ name, state, mode, warnings })),
    seeds.map((name) => ({
      name,
      state: "enabled",
      mode: name === "detect-tmp-exec" ? "monitor-only" : "enforce",
      warnings: [],
    })),
  );
  const write = spawnSync("bash", ["-c", "echo foo >> /etc/bar"]);
  assert.equal(write.signal, "SIGKILL");
  assert.equal(existsSync("/etc/bar") ? readFileSync("/etc/bar", "utf8") : "", "");
  assert.equal(spawnSync("cat", ["/etc/hostname"]).status, 0);
  assert.equal(spawnSync("bash", ["-c", "exec 3<>/dev/tcp/192.0.2.1/80"]).signal, "SIGKILL");
  assert.equal(spawnSync("bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/9"]).status, 1);
  copyFileSync("/bin/true", "/tmp/true");
  assert.equal(spawnSync("/tmp/true").status, 0);
  for (const name of seeds) {
    const state = stateOf(policies, name);
    assert.equal(state.counters.matched, 1n, name);
    assert.equal(state.counters.emitted, 1n, name);
    assertCountsAddUp(state);
  }
  assert.equal(drainTypes(kernel).get(recordType.RECORD_HOOK), 3);
  await removeAll();
  assert.equal(spawnSync("bash", ["-c", "echo foo >> /etc/bar"]).status, 0);
});

const umaskPolicy = (name: string, action = "") =>
  policyText(
    name,
    `
kprobes:
- call: sys_umask
  args:
  - index: 0
    type: int
  selectors:
  - matchArgs:
    - index: 0
      operator: Equal
      values: ["18"]
${action}`,
  );

/** Calls umask() exactly this often with 18 and with another value. */
function callUmask(matching: number, others: number): void {
  for (let i = 0; i < matching; i++) process.umask(0o22);
  for (let i = 0; i < others; i++) process.umask(0o21);
}

test("counts are exact", async () => {
  await addPolicy(policies, umaskPolicy("posts"));
  await addPolicy(
    policies,
    umaskPolicy("limited", "    matchActions:\n    - action: Post\n      rateLimit: 1h"),
  );
  await addPolicy(policies, umaskPolicy("silent", "    matchActions:\n    - action: NoPost"));
  drainTypes(kernel);
  callUmask(300, 700);
  const counters = (name: string) => {
    const state = stateOf(policies, name);
    assertCountsAddUp(state);
    return state.counters;
  };
  for (const name of ["posts", "limited", "silent"]) {
    assert.equal(counters(name).hits, 1000n, name);
    assert.equal(counters(name).filtered, 700n, name);
  }
  assert.equal(counters("posts").emitted, 300n);
  assert.equal(counters("limited").emitted, 1n);
  assert.equal(counters("limited").suppressedRateLimit, 299n);
  assert.equal(counters("silent").suppressedNoPost, 300n);
  assert.equal(drainTypes(kernel).get(recordType.RECORD_HOOK), 301);
  // More than the ring can hold, without a reader.
  callUmask(20_000, 0);
  const { emitted, lostRing } = counters("posts");
  assert.equal(emitted + lostRing, 20_300n);
  assert.ok(lostRing > 0n);
  assert.equal(
    drainTypes(kernel).get(recordType.RECORD_HOOK),
    Number(emitted - 300n + counters("limited").emitted - 1n),
  );
  // Totals survive changes of other policies, and stay exact.
  await policies.remove(key("silent"));
  await policies.setMode(key("limited"), "monitor");
  callUmask(5, 5);
  assert.equal(counters("posts").hits, 21_010n);
  assert.equal(counters("posts").filtered, 705n);
  await removeAll();
});

test("a policy that fails leaves the old revision in force and says so", async () => {
  await addPolicy(policies, umaskPolicy("steady"));
  const broken = umaskPolicy("steady").replace("sys_umask", "sys_umaskk");
  const { problems } = await policies.add(policyOf(broken), "static");
  assert.match(problems?.[0]?.message ?? "", /no system call sys_umaskk/);
  assert.match(problems?.[0]?.hint ?? "", /sys_umask/);
  callUmask(3, 0);
  const state = stateOf(policies, "steady");
  assert.equal(state.counters.matched, 3n);
  assert.equal(state.state, "enabled");
  assert.match(state.error, /^Failed, still running revision 1: /);
  const never = await policies.add(policyOf(broken.replace("steady", "never")), "static");
  assert.ok(never.problems);
  assert.equal(stateOf(policies, "never").state, "load-error");
  await removeAll();
  assert.deepEqual(policies.list(), []);
});

test("a missing function is tolerated where the policy says so", async () => {
  const missing = `
- call: sys_not_there
  ignore: { callNotFound: true }`;
  const state = await addPolicy(
    policies,
    `${umaskPolicy("partial")}${missing.replace(/^/gm, "  ")}\n`,
  );
  assert.equal(state.state, "partially-enabled");
  assert.deepEqual(
    state.hooks.map((hook) => hook.state),
    ["loaded", "call-not-found"],
  );
  callUmask(1, 0);
  assert.equal(stateOf(policies, "partial").counters.matched, 1n);
  await removeAll();
});

test("policies that select workloads are refused by a sensor alone", async () => {
  const text = umaskPolicy("pods").replace(
    "spec:",
    "spec:\n  podSelector: { matchLabels: { app: x } }",
  );
  const { problems } = await policies.add(policyOf(text), "static");
  assert.match(problems?.[0]?.message ?? "", /spec\.podSelector selects workloads.*operator/);
  await policies.remove(key("pods"));
  const host = umaskPolicy("host").replace("spec:", "spec:\n  hostSelector: {}");
  assert.equal((await addPolicy(policies, host)).state, "enabled");
  await removeAll();
});

const denyWrites = (name: string, message: string) =>
  policyText(
    name,
    `
kprobes:
- call: security_file_permission
  syscall: false
  message: ${message}
  args:
  - index: 0
    type: file
  - index: 1
    type: int
  selectors:
  - matchArgs:
    - index: 0
      operator: Prefix
      values: ["/etc/gander-guarded/"]
    - index: 1
      operator: Equal
      values: ["2"]
    matchActions:
    - action: Override
      argError: -1`,
  );

test("no write gets through while the policy is replaced, again and again", async () => {
  mkdirSync("/etc/gander-guarded", { recursive: true });
  using attacker = await startAttacker("/etc/gander-guarded/replaced");
  await addPolicy(policies, denyWrites("guard", "first"));
  attacker.begin();
  await moreAttacks(attacker, 200);
  for (let i = 0; i < 40; i++) {
    await addPolicy(policies, denyWrites("guard", `version ${i}`));
    // A second policy is added and removed beside it, so that tables and sets move.
    if (i % 3 === 0) await addPolicy(policies, umaskPolicy(`beside-${i % 2}`));
    if (i % 3 === 1) await policies.remove(key(`beside-${(i - 1) % 2}`));
    await moreAttacks(attacker, 20);
  }
  const { succeeded, denied } = await attacker.stop();
  assert.equal(succeeded, 0);
  assert.ok(denied > 1000, `${denied} tries`);
  assert.equal(stateOf(policies, "guard").revision, 41);
  assertCountsAddUp(stateOf(policies, "guard"));
  await removeAll();
});

test("modes and switches change what is enforced at once", async () => {
  mkdirSync("/etc/gander-guarded", { recursive: true });
  await addPolicy(policies, denyWrites("modes", "modes"));
  const write = () => spawnSync("bash", ["-c", "echo x >> /etc/gander-guarded/modes-file"]).status;
  assert.equal(write(), 1);
  assert.equal((await policies.setMode(key("modes"), "monitor")).value?.mode, "monitor");
  assert.equal(write(), 0);
  assert.ok(stateOf(policies, "modes").counters.wouldDeny >= 1n);
  await policies.setMode(key("modes"), "enforce");
  assert.equal(write(), 1);
  assert.equal((await policies.setEnabled(key("modes"), "disabled")).value?.state, "disabled");
  assert.equal(write(), 0);
  await policies.setEnabled(key("modes"), "enabled");
  assert.equal(write(), 1);
  await removeAll();
});

test("a hundred policies on one function take one change, little memory, and all count", async () => {
  const { activate } = kernel.policies;
  let switches = 0;
  const counting = (side: Parameters<typeof activate>[0]) => {
    switches++;
    activate(side);
  };
  Object.assign(kernel.policies, { activate: counting });
  const before = performance.now();
  const names = Array.from({ length: 100 }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => addPolicy(policies, umaskPolicy(name))));
  const took = performance.now() - before;
  Object.assign(kernel.policies, { activate });
  assert.equal(switches, 1);
  callUmask(2, 3);
  for (const name of names) {
    const state = stateOf(policies, name);
    assert.deepEqual([state.counters.hits, state.counters.matched], [5n, 2n]);
    assert.ok(state.kernelMemoryBytes < 4096);
  }
  assert.equal(kernel.policies.attachedHooks().size <= 8, true);
  console.log(`100 policies: ${took.toFixed(0)} ms`);
  const one = performance.now();
  await addPolicy(policies, umaskPolicy("one-more"));
  console.log(`one more: ${(performance.now() - one).toFixed(0)} ms`);
  await removeAll();
});

test("events are read while many hooks are attached", async () => {
  const names = ["create", "link", "unlink", "symlink", "mkdir", "rmdir", "mknod", "rename"];
  const hooks = names.map((name) => `- call: security_inode_${name}\n  syscall: false`);
  let turns = 0;
  const count = setInterval(() => turns++, 1);
  await addPolicy(policies, policyText("many", `\nkprobes:\n${hooks.join("\n")}`));
  clearInterval(count);
  assert.ok(turns >= names.length, `the sensor did other things ${turns} times`);
  await removeAll();
});
