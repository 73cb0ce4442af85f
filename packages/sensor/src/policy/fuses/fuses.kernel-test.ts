// SPDX-License-Identifier: Apache-2.0
// Fuses: what is hit before one blows, what is not afterwards, and who can arm it again.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  cgroupRoot,
  containerCgroup,
  type Driver,
  type Inmate,
  makeCgroup,
  podCgroup,
  startInmate,
  until,
} from "../../../test/guest-pods.ts";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../../test/guest-sensor.ts";
import type { FuseChange } from "./fuses.ts";

const options = { name: "gander-fuses" };
let sensor = await startGuestSensor(options);
after(() => sensor[Symbol.asyncDispose]());
const shell = "/tmp/dash";
copyFileSync("/bin/bash", shell);

const key = { name: "no-shells", namespace: "", origin: "static" } as const;

const annotated = (text: string, annotations: Readonly<Record<string, string>>) =>
  text.replace("metadata:\n", `metadata:\n  annotations: ${JSON.stringify(annotations)}\n`);

/** Kills every shell. */
const shells = (fuse: string, { rearmed = "", message = "shell" } = {}) =>
  annotated(
    policyText(
      key.name,
      `
lsmhooks:
- hook: bprm_check_security
  message: ${message}
  args: [{ index: 0, type: linux_binprm }]
  selectors:
  - matchArgs: [{ index: 0, operator: Postfix, values: [/dash] }]
    matchActions: [{ action: Sigkill }]
`,
    ),
    { "gander.dev/fuse": fuse, ...(rearmed !== "" && { "gander.dev/fuse-rearmed": rearmed }) },
  );

/** Another policy, without a fuse. */
const files = policyText(
  "no-writes",
  `
lsmhooks:
- hook: path_mkdir
  args: [{ index: 1, type: dentry }]
  selectors:
  - matchArgs: [{ index: 1, operator: Postfix, values: [/fused] }]
    matchActions: [{ action: Override, argError: -1 }]
`,
);

const inPod = (name: string, driver: Driver = "systemd", container = "one") =>
  startInmate(makeCgroup(containerCgroup(podCgroup(name, driver), container)));

/** Whether a shell starts there. */
const starts = async (inmate: Inmate) => {
  const status = await inmate.run(`${shell} -c true`);
  assert.ok(status === 0 || status === 137, `status ${status}`);
  return status === 0;
};

const fuse = () => stateOf(sensor.policies, key.name).fuse;
const isBlown = () => (fuse()?.blownAt ?? "") !== "";

/** As a policy that had no such fuse before. */
async function begin(text: string): Promise<void> {
  await sensor.policies.remove(key);
  await addPolicy(sensor.policies, text);
}

test("five pods are hit, the sixth blows the fuse, and other policies go on", async () => {
  await begin(shells("5 pods in 1h"));
  await addPolicy(sensor.policies, files);
  const changes: FuseChange[] = [];
  using _ = sensor.policies.onFuse((change) => changes.push(change));
  const drivers: Driver[] = ["systemd", "cgroupfs", "nested"];
  await using stack = new AsyncDisposableStack();
  const pods: Inmate[] = [];
  for (let i = 0; i < 7; i++)
    pods.push(stack.use(await inPod(`pod-${i}`, drivers[i % drivers.length])));
  for (const one of pods.slice(0, 5)) assert.equal(await starts(one), false);
  for (const one of pods.slice(0, 5)) assert.equal(await starts(one), false);
  assert.deepEqual([isBlown(), fuse()?.spared, changes.length], [false, 0n, 0]);
  const [, , , , , sixth, seventh] = pods;
  assert.ok(sixth && seventh && pods[0]);
  assert.equal(await starts(sixth), true);
  const noticedMs = await until(() => changes.length > 0, 1_000);
  console.log(`noticed after ${Math.round(noticedMs)} ms`);
  assert.deepEqual(changes, [{ policy: key, fuse: "5 pods in 1h", to: "blown" }]);
  for (const one of [seventh, pods[0]]) assert.equal(await starts(one), true);
  assert.equal(fuse()?.spared, 3n);
  const { killed, wouldKill, matched } = stateOf(sensor.policies, key.name).counters;
  assert.deepEqual([killed, wouldKill, matched], [10n, 3n, 13n]);
  assert.notEqual(await sixth.run("mkdir /tmp/fused 2>/dev/null"), 0);
});

test("it stays blown over updates and restarts, until it is armed again", async () => {
  await using one = await inPod("pod-0");
  const blownAt = fuse()?.blownAt;
  await addPolicy(sensor.policies, shells("5 pods in 1h", { message: "another" }));
  assert.equal(await starts(one), true);
  await sensor.abandon();
  assert.equal(await starts(one), true);
  sensor = await startGuestSensor(options);
  assert.equal(sensor.kernel.found, "same");
  assert.equal(await starts(one), true);
  assert.equal(fuse()?.blownAt, blownAt);
  // With programs of its own, and what the disk says.
  await sensor.abandon();
  sensor = await startGuestSensor({ ...options, ringBytes: 1 << 21 });
  assert.notEqual(sensor.kernel.found, "same");
  await sensor.policies.started();
  assert.equal(await starts(one), true);
  assert.equal(fuse()?.blownAt, blownAt);
  const { value, problems } = await sensor.policies.rearm(key);
  assert.equal(value?.fuse?.blownAt, "", JSON.stringify(problems));
  assert.equal(await starts(one), false);
  assert.match((await sensor.policies.rearm(key)).problems?.[0]?.message ?? "", /it is not blown/);
});

test("a blown fuse is armed by an annotation that it did not have, and by another fuse", async () => {
  await begin(shells("1 pod in 1h", { rearmed: "first" }));
  await using a = await inPod("a");
  await using b = await inPod("b");
  assert.deepEqual([await starts(a), await starts(b)], [false, true]);
  await until(isBlown);
  await addPolicy(sensor.policies, shells("1 pod in 1h", { rearmed: "first", message: "same" }));
  await addPolicy(sensor.policies, shells("1 pod in 1h", { message: "none" }));
  assert.equal(await starts(a), true);
  await addPolicy(sensor.policies, shells("1 pod in 1h", { rearmed: "second" }));
  assert.deepEqual([isBlown(), await starts(a), await starts(b)], [false, false, true]);
  await addPolicy(sensor.policies, shells("2 pods in 1h", { rearmed: "second" }));
  assert.deepEqual([await starts(a), await starts(b)], [false, false]);
  await addPolicy(sensor.policies, shells("off", { rearmed: "second" }));
  assert.equal(fuse(), undefined);
  assert.deepEqual([await starts(a), await starts(b)], [false, false]);
});

test("after its time a pod no longer counts", async () => {
  await begin(shells("1 pod in 2s"));
  await using a = await inPod("a");
  await using b = await inPod("b");
  assert.equal(await starts(a), false);
  await sleep(2_600);
  assert.equal(await starts(b), false);
  assert.equal(isBlown(), false);
  assert.equal(await starts(a), true);
});

test("a pod counts once, whatever containers and cgroups it has", async () => {
  await begin(shells("1 pod in 1h"));
  for (const driver of ["systemd", "cgroupfs"] as const) {
    await begin(shells("1 pod in 1h"));
    const pod = podCgroup("many", driver);
    for (const container of ["one", "two", "three"]) {
      await using inmate = await inPod("many", driver, container);
      assert.equal(await starts(inmate), false, container);
    }
    const forged = join(containerCgroup(pod, "one"), "kubepods");
    for (const name of ["x", "y", "z"]) {
      const path = join(forged, `pod${crypto.randomUUID()}`, name);
      await using inmate = await startInmate(makeCgroup(path));
      assert.equal(await starts(inmate), false, path);
    }
    assert.equal(isBlown(), false);
  }
});

test("outside of pods, what a user or a service starts counts as one", async () => {
  await begin(shells("1 pod in 1h"));
  const user = join(cgroupRoot, "user.slice/user-1000.slice");
  const places = [
    join(user, "session-1.scope"),
    join(user, "session-2.scope"),
    join(user, `user@1000.service/kubepods/pod${crypto.randomUUID()}`),
    join(user, `user@1000.service/kubepods/pod${crypto.randomUUID()}`),
  ];
  for (const path of places) {
    await using inmate = await startInmate(makeCgroup(path));
    assert.equal(await starts(inmate), false, path);
  }
  assert.equal(isBlown(), false);
  await using other = await startInmate(makeCgroup(join(cgroupRoot, "system.slice/x.service")));
  assert.equal(await starts(other), true);
});

test("the sensor's fuse is for policies without one of their own, on programs without it", async () => {
  await begin(shells("off"));
  await sensor.abandon();
  sensor = await startGuestSensor({
    ...{ ...options, ringBytes: 1 << 21 },
    fuse: { pods: 1, windowMs: 3_600_000 },
  });
  await addPolicy(sensor.policies, shells("off"));
  await using a = await inPod("a");
  await using b = await inPod("b");
  assert.deepEqual([await starts(a), await starts(b)], [false, false]);
  await addPolicy(sensor.policies, shells("off").replace(/ {2}annotations: .*\n/, ""));
  assert.equal(fuse()?.fuse, "1 pod in 1h");
  assert.deepEqual([await starts(a), await starts(b)], [false, true]);
});
