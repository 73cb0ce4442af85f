// SPDX-License-Identifier: Apache-2.0
// matchCount: a selector matches from the n-th call on, by process and by container, at the edge of its time, and
// what that stops.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BpfMap } from "@gander/libbpf";
import {
  addPolicy,
  assertCountsAddUp,
  policyText,
  startGuestSensor,
  stateOf,
  umaskPolicy,
} from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor({ name: "gander-counted" });
const { policies } = sensor;
after(() => sensor[Symbol.asyncDispose]());

const key = { name: "p", namespace: "", origin: "static" } as const;
const state = () => stateOf(policies, "p");
const matched = () => Number(state().counters.matched);
const unknown = () => Number(state().counters.unknownProcess);

/** While a policy is in force. */
async function under(policy: string, act: () => unknown): Promise<void> {
  await addPolicy(policies, policy);
  await act();
  assertCountsAddUp(state());
  await policies.remove(key);
}

const count = (atLeast: number, within: string, per = "process") =>
  `matchCount: { atLeast: ${atLeast}, within: ${within}, per: ${per} }`;

const umasks = (n: number) => "umask 030; ".repeat(n);

function bash(script: string): { status: number | null; signal: string | null; output: string } {
  const { status, signal, stdout, error } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  if (error) throw error;
  return { status, signal, output: stdout };
}

test("a process's n-th call matches, and each one after it", async () => {
  await under(umaskPolicy("p", count(20, "10s")), () => {
    bash(umasks(19));
    assert.equal(matched(), 0);
    bash(umasks(20));
    assert.equal(matched(), 1);
    bash(umasks(25));
    assert.equal(matched(), 7);
    // Calls that other filters leave out do not count.
    bash(`${umasks(19)} umask 031; umask 032`);
    assert.equal(matched(), 7);
    // exec leaves it the same process, children are others.
    bash(`${umasks(10)} (${umasks(10)}); (${umasks(19)}); exec bash -c '${umasks(9)} umask 030'`);
    assert.equal(matched(), 8);
    assert.equal(unknown(), 0);
  });
  // Most that can be counted.
  await under(umaskPolicy("p", count(100, "1h")), () => {
    bash(umasks(99));
    assert.equal(matched(), 0);
    bash(umasks(101));
    assert.equal(matched(), 2);
  });
});

test("calls that are longer ago do not count", async () => {
  await under(umaskPolicy("p", count(3, "2s")), () => {
    // At 0, 0, 3, 3, 3 and 6 s.
    bash(`${umasks(2)} sleep 3; ${umasks(2)}`);
    assert.equal(matched(), 0);
    bash(`${umasks(2)} sleep 3; ${umasks(3)} sleep 3; umask 030`);
    assert.equal(matched(), 1);
  });
  await under(umaskPolicy("p", count(3, "10s")), () => {
    // At 0, 3 and 6 s; and at 14 s, when the second is 11 s ago.
    bash("umask 030; sleep 3; umask 030; sleep 3; umask 030; sleep 8; umask 030");
    assert.equal(matched(), 1);
  });
});

test("a later selector has the calls before the n-th", async () => {
  const selectors = `
kprobes:
- call: sys_umask
  args: [{ index: 0, type: int }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["24"] }]
    matchCount: { atLeast: 3, within: 1m }
  - matchArgs: [{ index: 0, operator: CelExpr, values: ["arg0 == 24 || arg0 == 25"] }]
    matchCount: { atLeast: 2, within: 1m }
  - matchArgs: [{ index: 0, operator: Equal, values: ["24", "25"] }]`;
  await under(policyText("p", selectors), () => {
    bash(`${umasks(4)} umask 031; umask 030`);
    const bySelector = state().hooks.flatMap(({ selectors }) =>
      selectors.map(({ counters }) => Number(counters.matched)),
    );
    // The first has calls 3, 4 and 6; the second the 2nd of the rest and the 5th.
    assert.deepEqual(bySelector, [3, 2, 1]);
  });
});

const cgroup = "/sys/fs/cgroup/counted";

test("processes of a container count together", async () => {
  const join = `echo $$ > ${cgroup}/cgroup.procs`;
  mkdirSync(cgroup);
  await under(umaskPolicy("p", count(5, "1m", "container")), () => {
    for (let i = 0; i < 4; i++) bash(`${join}; umask 030`);
    bash(umasks(4));
    assert.equal(matched(), 0);
    bash(`${join}; umask 030`);
    assert.equal(matched(), 1);
    bash(`${join}; (umask 030); (umask 030)`);
    assert.equal(matched(), 3);
    // A new cgroup at this place begins anew.
    rmdirSync(cgroup);
    mkdirSync(cgroup);
    bash(`${join}; ${umasks(4)}`);
    assert.equal(matched(), 3);
  });
  rmdirSync(cgroup);
});

test("the functions of a list count together", async () => {
  const spec = `
lists:
- { name: calls, type: syscalls, values: [sys_umask, sys_capset] }
kprobes:
- call: list:calls
  selectors:
  - matchBinaries: [{ operator: In, values: [/tmp/lists] }]
    matchCount: { atLeast: 4, within: 1m }`;
  spawnSync("cp", ["/gander/bpf/build/test/scenes", "/tmp/lists"]);
  await under(policyText("p", spec), () => {
    spawnSync("/tmp/lists", ["steps", "umask", "raise-admin", "umask"]);
    assert.equal(matched(), 0);
    spawnSync("/tmp/lists", ["steps", "umask", "raise-admin", "umask", "raise-admin", "umask"]);
    assert.equal(matched(), 2);
  });
});

test("the n-th call is denied or kills, in mode monitor it only counts", async () => {
  mkdirSync("/tmp/secrets", { recursive: true });
  for (let i = 0; i < 9; i++) writeFileSync(`/tmp/secrets/${i}`, `secret ${i}\n`);
  const guard = (action: string, mode = "enforce") => `
options: [{ name: policy-mode, value: ${mode} }]
lsmhooks:
- hook: file_open
  args: [{ index: 0, type: file }]
  selectors:
  - matchArgs: [{ index: 0, operator: Prefix, values: [/tmp/secrets/] }]
    matchCount: { atLeast: 6, within: 30s }
    matchActions: [${action}]`;
  const files = (n: number) => Array.from({ length: n }, (_, i) => i);
  const read = (n: number) =>
    files(n)
      .map((i) => `{ read x < /tmp/secrets/${i} && echo $x; }; `)
      .join("");
  const lines = (n: number) =>
    files(n)
      .map((i) => `secret ${i}\n`)
      .join("");
  await under(policyText("p", guard("{ action: Override, argError: -13 }")), () => {
    assert.equal(bash(read(5)).output, lines(5));
    assert.equal(bash(`exec 2>/dev/null; ${read(8)}`).output, lines(5));
    assert.equal(bash(read(2)).output, lines(2));
    assert.equal(Number(state().counters.denied), 3);
  });
  await under(policyText("p", guard("{ action: Sigkill }")), () => {
    assert.deepEqual(bash(read(5)), { status: 0, signal: null, output: lines(5) });
    assert.deepEqual(bash(read(9)), { status: null, signal: "SIGKILL", output: lines(5) });
    assert.equal(Number(state().counters.killed), 1);
  });
  await under(policyText("p", guard("{ action: Sigkill }", "monitor")), () => {
    assert.deepEqual(bash(read(9)), { status: 0, signal: null, output: lines(9) });
    assert.equal(Number(state().counters.wouldKill), 4);
  });
});

test("many selectors count the calls of one process", async () => {
  const many = Array.from({ length: 30 }, (_, i) => i);
  await Promise.all(many.map((i) => addPolicy(policies, umaskPolicy(`p${i}`, count(2 + i, "1h")))));
  bash(umasks(20));
  for (const i of many) {
    const { counters } = stateOf(policies, `p${i}`);
    assert.equal(Number(counters.matched), Math.max(0, 20 - (1 + i)), `p${i}`);
    assert.equal(Number(counters.unknownProcess), 0);
  }
  await Promise.all(many.map((i) => policies.remove({ ...key, name: `p${i}` })));
});

test("threads on two CPUs: each call from the n-th on, and none before it", async () => {
  const scene = (...args: readonly string[]) =>
    spawnSync("/gander/bpf/build/test/scenes", ["together", ...args], { encoding: "utf8" }).stdout;
  await under(umaskPolicy("p", count(100, "1h")), () => {
    assert.equal(scene("60", "49"), "0\n");
    assert.equal(matched(), 0);
    assert.equal(scene("60", "80"), "0\n");
    assert.equal(matched(), 60 * 61);
  });
  const killing = `${count(7, "1h")}\n    matchActions: [{ action: Sigkill }]`;
  await under(umaskPolicy("p", killing), () => {
    assert.equal(scene("100", "3"), "0\n");
    assert.equal(scene("100", "4"), "100\n");
    assert.equal(unknown(), 0);
  });
});

test("what an interrupt calls is not counted", async () => {
  const packets = `
kprobes:
- call: ip_rcv
  syscall: false
  selectors:
  - matchCount: { atLeast: 2, within: 1m }
  - {}`;
  await under(policyText("p", packets), () => {
    for (let i = 0; i < 5; i++) spawnSync("/gander/bpf/build/test/scenes", ["send-packets"]);
    const [counted, others] = state().hooks.flatMap(({ selectors }) =>
      selectors.map(({ counters }) => Number(counters.matched)),
    );
    assert.equal(counted, 0);
    assert.ok(Number(others) >= 10, `${others} packets`);
    assert.equal(unknown(), 0);
  });
});

test("what ended processes and removed policies have counted is forgotten", async () => {
  const [build = ""] = readdirSync("/sys/fs/bpf/gander-counted");
  using map = BpfMap.fromPin(`/sys/fs/bpf/gander-counted/${build}/maps/tallies`);
  const entries = () => [...map.keys()].length;
  assert.equal(entries(), 0);
  await addPolicy(policies, umaskPolicy("p", count(2, "1h")));
  bash("for i in {1..300}; do (umask 030) & done; wait");
  assert.equal(Number(state().counters.hits) > 299, true);
  const other = spawn("bash", ["-c", "umask 030; echo; read x"], { stdio: "pipe" });
  await once(other.stdout, "data");
  assert.equal(entries(), 1);
  other.stdin.end("\n");
  await once(other, "exit");
  assert.equal(entries(), 0);
  const last = spawn("bash", ["-c", "umask 030; echo; read x"], { stdio: "pipe" });
  await once(last.stdout, "data");
  assert.equal(entries(), 1);
  await policies.remove(key);
  for (const end = Date.now() + 30_000; entries() > 0 && Date.now() < end; ) await sleep(100);
  assert.equal(entries(), 0);
  last.stdin.end("\n");
});
