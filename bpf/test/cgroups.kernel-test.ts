// SPDX-License-Identifier: Apache-2.0
// However many cgroups a workload creates: they have the policies of their parents, and other pods' cgroups
// find room in the table.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";

const guard = createGuard({ kinds: ["kprobe"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const flag = tables.constant;
const root = "/sys/fs/cgroup";

/** Only the policies of group 1 hook umask(2). */
const hook = 1;
tables.guard(
  hook,
  [{ id: 1, selectors: [{ filters: [], verdict: { actions: [], counter: 1 } }] }],
  { slots: [] },
);
const nothing = Array.from({ length: flag("MAX_HOOKS") }, () => 0);
tables.write("groups", 0, { application: nothing });
tables.write("groups", 1, { application: nothing.with(hook, 1) });
tables.write("config", 0, { flags: flag("CONFIG_CGROUPS") });
guard.attach({ id: hook, kind: "kprobe", target: "__x64_sys_umask", nargs: 6, flags: 1 });

const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);

function make(path: string): bigint {
  mkdirSync(`${root}/${path}`);
  return BigInt(statSync(`${root}/${path}`).ino);
}

/** Lists a pod's cgroup as the sensor does. */
function listAsPod(cgroup: bigint): void {
  guard.map("cgroups").set(u64(cgroup), u32(1));
  const places = new BigUint64Array(guard.map("cgroup_places").memory().buffer);
  places[Number(cgroup % BigInt(places.length))] = BigInt(flag("PLACE_SHARED"));
}

/** Do policies apply to a process in this cgroup? */
function isGuarded(path: string): boolean {
  const before = tables.read("counts", 1).matched;
  const script = `echo $$ > ${root}/${path}/cgroup.procs && umask 022`;
  assert.equal(spawnSync("bash", ["-c", script]).status, 0);
  return tables.read("counts", 1).matched !== before;
}

const isListed = (cgroup: bigint) => guard.map("cgroups").get(u64(cgroup)) !== undefined;

test("a cgroup made in a pod has the pod's policies, and others have theirs", () => {
  listAsPod(make("pod"));
  assert.ok(isListed(make("pod/listed")));
  make("other");
  assert.ok(isGuarded("pod/listed"));
  assert.ok(!isGuarded("other"));
});

test("one that is made when there is no room for it as well, however deep", () => {
  tables.write("config", 0, { listed_cgroups: flag("MAX_INHERITED") });
  assert.ok(!isListed(make("pod/unlisted")));
  assert.ok(!isListed(make("pod/unlisted/deep")));
  assert.ok(isGuarded("pod/unlisted/deep"));
  assert.ok(isGuarded("pod/unlisted"));
  assert.ok(!isGuarded("other"));
  assert.equal(guard.faults().FAULT_CGROUP_TABLE, 1);
});

test("a pod that comes then has room", () => {
  listAsPod(make("next"));
  assert.ok(isGuarded("next"));
  tables.write("groups", 1, { application: nothing });
  assert.ok(!isGuarded("next"));
});
