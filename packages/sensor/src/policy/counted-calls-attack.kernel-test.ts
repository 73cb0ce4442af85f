// SPDX-License-Identifier: Apache-2.0
// matchCount under attack: a pod that fills the table while its neighbours count, and policies that change all the time.
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { BpfMap } from "@gander/libbpf";
import {
  containerCgroup,
  makeCgroup,
  podCgroup,
  removeCgroup,
  startInmate,
  until,
} from "../../test/guest-pods.ts";
import {
  addPolicy,
  type GuestSensor,
  startGuestSensor,
  stateOf,
  umaskPolicy,
} from "../../test/guest-sensor.ts";
import { limits } from "../link/abi.gen.ts";

const name = "gander-crowds";
const key = (policy: string) => ({ name: policy, namespace: "", origin: "static" }) as const;
const numbers = Array.from({ length: 8 }, (_, i) => i);
/** A process that calls once has an entry for each of the policies. */
const counting = (atLeast: number, actions = "") =>
  numbers.map((i) =>
    umaskPolicy(`p${i}`, `matchCount: { atLeast: ${atLeast}, within: 1h }${actions}`),
  );
const kill = "\n    matchActions: [{ action: Sigkill }]";

const unknown = ({ policies }: GuestSensor) =>
  numbers.reduce((sum, i) => sum + Number(stateOf(policies, `p${i}`).counters.unknownProcess), 0);

/** The entries, and how many their owners hold: by owner, without those that hold none. */
function tallies({ kernel }: GuestSensor) {
  const pinned = (map: string) => BpfMap.fromPin(`/sys/fs/bpf/${name}/${kernel.id}/maps/${map}`);
  using entries = pinned("tallies");
  using owners = pinned("tally_owners");
  const held = Array.from({ length: limits.TALLY_OWNERS }, (_, at) => {
    const value = owners.get(new Uint8Array(Uint32Array.of(at).buffer));
    return value === undefined ? 0 : new DataView(value.buffer, value.byteOffset).getInt32(8, true);
  });
  return { entries: [...entries.keys()].length, held: held.filter((n) => n !== 0) };
}

type Crowd = ChildProcessByStdio<Writable, Readable, null>;

/** So many processes in the cgroup that have called umask(030) once. */
async function startCrowd(cgroup: string, count: number): Promise<Crowd> {
  const join = `echo $$ > ${cgroup}/cgroup.procs; exec /gander/bpf/build/test/scenes crowd ${count}`;
  const crowd = spawn("bash", ["-c", join], { stdio: ["pipe", "pipe", "inherit"] });
  await once(crowd.stdout, "data");
  return crowd;
}

/** The signal that ends a shell which calls so often. */
function callsIn(cgroup: string | undefined, count: number): string | null {
  const enter = cgroup === undefined ? "" : `echo $$ > ${cgroup}/cgroup.procs; `;
  return spawnSync("bash", ["-c", `${enter}${"umask 030; ".repeat(count)} true`]).signal;
}

async function end(crowd: Crowd): Promise<void> {
  crowd.stdin.end();
  if (crowd.exitCode === null) await once(crowd, "exit");
}

test("a pod that fills the table takes no room from its neighbours", async () => {
  await using sensor = await startGuestSensor({ name });
  const { policies } = sensor;
  for (const policy of counting(3, kill)) await addPolicy(policies, policy);
  const inA = makeCgroup(containerCgroup(podCgroup("a"), "one"));
  const inB = makeCgroup(containerCgroup(podCgroup("b"), "one"));
  // Cgroups that a container makes have nothing of their own.
  const crowds: Crowd[] = [];
  for (let i = 0; i < 16; i++)
    crowds.push(await startCrowd(makeCgroup(join(inA, `nested-${i}/deeper`)), 30));
  const full = tallies(sensor);
  const part = limits.MAX_TALLIES / (limits.TALLY_PART + 1);
  assert.ok(Math.abs(full.entries - part) < 16, `${full.entries} of ${part}`);
  assert.deepEqual(full.held, [full.entries]);
  const refused = unknown(sensor);
  assert.ok(refused > 0);
  // Each in a pod of its own, and on the host.
  const places = [inB, ...numbers.map((i) => makeCgroup(podCgroup(`neighbour-${i}`))), undefined];
  for (const place of places) {
    for (let i = 0; i < 5; i++) {
      assert.equal(callsIn(place, 2), null);
      assert.equal(callsIn(place, 3), "SIGKILL");
    }
  }
  assert.equal(unknown(sensor), refused);
  // The attacker gets none, wherever in its pod.
  assert.equal(callsIn(makeCgroup(join(inA, "another")), 1), "SIGKILL");
  assert.ok(unknown(sensor) > refused);
  // Whatever becomes of its processes and cgroups: in the end nobody holds anything.
  const moved = readFileSync(join(inA, "nested-3/deeper/cgroup.procs"), "utf8").trim().split("\n");
  assert.ok(moved.length > 1);
  for (const pid of moved) writeFileSync(join(inB, "cgroup.procs"), pid);
  await Promise.all(crowds.map(end));
  await until(() => tallies(sensor).entries === 0);
  assert.deepEqual(tallies(sensor).held, []);
  for (const pod of ["a", "b", ...numbers.map((i) => `neighbour-${i}`)])
    await removeCgroup(podCgroup(pod));
});

test("each version of a policy begins anew, and leaves nothing behind", async () => {
  await using sensor = await startGuestSensor({ name });
  const { policies } = sensor;
  await using process = await startInmate(undefined);
  for (let version = 0; version < 20; version++) {
    const filter = `matchCount: { atLeast: 3, within: ${version + 10}m }`;
    await addPolicy(
      policies,
      umaskPolicy("p0", `${filter}${kill.replace("Sigkill", "Signal, argSig: 23")}`),
    );
    await process.run("umask 030; umask 030");
    const { counters } = stateOf(policies, "p0");
    assert.deepEqual([counters.matched, counters.unknownProcess], [0n, 0n], `version ${version}`);
  }
  await process.run("umask 030");
  assert.equal(stateOf(policies, "p0").counters.matched, 1n);
  await until(() => tallies(sensor).entries === 1);
  await policies.remove(key("p0"));
  await until(() => tallies(sensor).entries === 0);
  assert.deepEqual(tallies(sensor).held, []);
});

test("the next sensor goes on counting; one that knows nothing of the last begins anew", async () => {
  await using process = await startInmate(undefined);
  const policy = umaskPolicy("p0", "matchCount: { atLeast: 3, within: 1h }");
  const first = await startGuestSensor({ name });
  await addPolicy(first.policies, policy);
  await process.run("umask 030");
  await first.abandon();
  await process.run("umask 030");
  const second = await startGuestSensor({ name });
  assert.equal(second.kernel.found, "same");
  assert.equal(stateOf(second.policies, "p0").counters.matched, 0n);
  await process.run("umask 030");
  assert.equal(stateOf(second.policies, "p0").counters.matched, 1n);
  second.manifest.remove();
  await second.abandon();
  await using third = await startGuestSensor({ name });
  await addPolicy(third.policies, policy);
  await process.run("umask 030; umask 030");
  assert.equal(stateOf(third.policies, "p0").counters.matched, 0n);
  await process.run("umask 030");
  assert.equal(stateOf(third.policies, "p0").counters.matched, 1n);
});
