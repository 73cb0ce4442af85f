// SPDX-License-Identifier: Apache-2.0
// The effects of a match; every match is in exactly one counter.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";
import type { TestRule, Verdict } from "./tables.ts";

const guard = createGuard({ kinds: ["lsm", "fentry"], ringBytes: 64 << 10 });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
writeFileSync("/tmp/subject", "x");
tables.put("prefix_set", { bits: 32 + 8 * 12, set: 1, text: "/tmp/subject" });
const slots = [{ type: "VALUE_FILE", raw: 0 }];
const onSubject = { op: "ROW_STR_PREFIX", slot: 0, set: 1 };
const hookRecords = () =>
  guard.drain().filter(({ type }) => type === tables.constant("RECORD_HOOK"));
let counter = 1;

function rule(
  verdict: Omit<Verdict, "counter">,
  rest: Partial<TestRule> = {},
): TestRule & { counter: number } {
  const at = counter++;
  return {
    id: at,
    args: [0],
    selectors: [{ filters: [onSubject], verdict: { ...verdict, counter: at } }],
    counter: at,
    ...rest,
  };
}

/** Puts the rules in force on an LSM hook; a separate process reads the subject `times`; gives the errors. */
function read(rules: readonly TestRule[], times: number, hook = 1): number {
  tables.guard(hook, rules, { slots, enforces: true });
  using _link = guard.attach({
    id: hook,
    kind: hook === 1 ? "lsm" : "fentry",
    target: hook === 1 ? "file_permission" : "security_file_permission",
    nargs: 2,
  });
  guard.drain();
  const fd = openSync("/tmp/subject", "r");
  let errors = 0;
  for (let i = 0; i < times; i++) {
    try {
      readSync(fd, Buffer.alloc(1), 0, 1, 0);
    } catch {
      errors++;
    }
  }
  closeSync(fd);
  return errors;
}

/** The counters that are not 0. */
function counts(at: number): Record<string, number> {
  const { pad: _, ...all } = tables.read("counts", at);
  return Object.fromEntries(
    Object.entries(all)
      .flatMap(([name, n]) => [n].flat().map((one) => [name, one] as const))
      .filter(([, n]) => n !== 0n)
      .map(([name, n]) => [name, Number(n)]),
  );
}

test("monitor counts what it would do", () => {
  const monitor = rule(
    { actions: ["ACTION_POST", "ACTION_KILL", "ACTION_DENY"], error: -1 },
    { flags: tables.constant("RULE_MONITOR") },
  );
  assert.equal(read([monitor], 1), 0);
  assert.deepEqual(counts(monitor.counter), {
    matched: 1,
    emitted: 1,
    would_kill: 1,
    would_deny: 1,
  });
  const [record] = hookRecords();
  assert.equal(record?.own.done, 0);
  assert.equal(record?.own.actions, 1 | 2 | 8);
});

test("all rules are heard; the first denial is what the call returns", () => {
  const rules = [
    rule({ actions: ["ACTION_POST"] }),
    rule({ actions: ["ACTION_POST", "ACTION_DENY"], error: -13 }),
    rule({ actions: ["ACTION_DENY"], error: -1 }),
  ];
  tables.guard(1, rules, { slots, enforces: true });
  using _link = guard.attach({ id: 1, kind: "lsm", target: "file_permission", nargs: 2 });
  guard.drain();
  const fd = openSync("/tmp/subject", "r");
  assert.throws(() => readSync(fd, Buffer.alloc(1)), { code: "EACCES" });
  closeSync(fd);
  assert.deepEqual(
    hookRecords().map(({ own }) => [own.rule, own.error]),
    [
      [rules[0]?.id, 0],
      [rules[1]?.id, -13],
    ],
  );
  assert.deepEqual(counts(rules[2]?.counter ?? 0), { matched: 1, suppressed_nopost: 1, denied: 1 });
});

test("the first selector that matches decides", () => {
  const at = counter;
  counter += 2;
  const first = {
    filters: [onSubject, { op: "ROW_PID", values: [1] }],
    verdict: { actions: ["ACTION_DENY"], error: -1, counter: at },
  };
  const second = { filters: [onSubject], verdict: { actions: ["ACTION_POST"], counter: at + 1 } };
  const third = { filters: [], verdict: { actions: ["ACTION_DENY"], error: -1, counter: at } };
  assert.equal(read([{ id: at, args: [], selectors: [first, second, third] }], 1), 0);
  assert.deepEqual(counts(at + 1), { matched: 1, emitted: 1 });
  assert.deepEqual(
    hookRecords().map(({ own }) => own.selector),
    [1],
  );
});

test("signals", () => {
  const usr1 = rule({ actions: ["ACTION_POST", "ACTION_SIGNAL"], signal: 10 });
  let signals = 0;
  const heard = () => signals++;
  process.on("SIGUSR1", heard);
  read([usr1], 1);
  assert.deepEqual(counts(usr1.counter), { matched: 1, emitted: 1, signalled: 1 });
  assert.equal(hookRecords()[0]?.own.signal, 10);
  process.off("SIGUSR1", heard);
});

test("rate limit: one a window, by scope and arguments", () => {
  const limited = rule({
    actions: ["ACTION_POST"],
    rate_scope: tables.constant("RATE_PROCESS"),
    rate_window_ns: 3_600_000_000_000n,
  });
  read([limited], 5);
  assert.deepEqual(counts(limited.counter), { matched: 5, emitted: 1, suppressed_rate: 4 });
});

test("a policy's budget", () => {
  tables.write("budgets", 3, { limit: 2n, window_ns: 3_600_000_000_000n, start: 0n, used: 0n });
  const bounded = rule({ actions: ["ACTION_POST"] }, { policy: 3 });
  read([bounded], 5);
  assert.deepEqual(counts(bounded.counter), { matched: 5, emitted: 2, suppressed_budget: 3 });
});

test("stacks", () => {
  const stacks = rule({ actions: ["ACTION_POST", "ACTION_KERNEL_STACK", "ACTION_USER_STACK"] });
  read([stacks], 1);
  const [record] = hookRecords();
  assert.ok(Number(record?.own.kernel_stack) > 3, `kernel ${record?.own.kernel_stack}`);
  assert.ok(Number(record?.own.user_stack) > 0, `user ${record?.own.user_stack}`);
});

test("a ring that fills up: every match is emitted or lost, and the last quarter is for lifecycle", () => {
  const flood = rule({ actions: ["ACTION_POST"] });
  read([flood], 1000);
  const { matched, emitted, lost_ring, ...rest } = counts(flood.counter);
  assert.equal(matched, 1000);
  assert.equal((emitted ?? 0) + (lost_ring ?? 0), 1000);
  assert.deepEqual(rest, {});
  assert.ok((lost_ring ?? 0) > 0);
  const before = guard.lifecycle("RECORD_EXEC");
  spawnSync("/usr/bin/true");
  assert.equal(guard.lifecycle("RECORD_EXEC").lost, before.lost);
  const records = guard.drain();
  assert.equal(
    records.filter(({ type }) => type === tables.constant("RECORD_HOOK")).length,
    emitted,
  );
  assert.ok(records.some(({ type }) => type === tables.constant("RECORD_EXEC")));
});

test("where nothing can be denied that is counted", () => {
  const hopeful = rule({ actions: ["ACTION_POST", "ACTION_DENY"], error: -1 });
  assert.equal(read([hopeful], 1, 2), 0);
  assert.deepEqual(counts(hopeful.counter), { matched: 1, emitted: 1, enforce_failed: 1 });
});

test("without working memory: denied where a policy enforces, let through where it observes", () => {
  const pool = guard.map("scratch_pool");
  const word = (taken: bigint) =>
    Buffer.from(new BigUint64Array([taken, 0n, 0n, 0n, 0n, 0n, 0n, 0n]).buffer);
  const fill = (taken: bigint) => {
    for (let i = 0; i < pool.shape.maxEntries; i++)
      pool.set(Buffer.from(Uint32Array.of(i).buffer), word(taken));
  };
  const observer = rule({ actions: ["ACTION_POST"] });
  tables.guard(1, [observer], { slots, enforces: true });
  using _link = guard.attach({ id: 1, kind: "lsm", target: "file_permission", nargs: 2 });
  const fd = openSync("/tmp/subject", "r");
  const before = guard.faults().FAULT_SCRATCH ?? 0;
  fill(15n);
  try {
    assert.throws(() => readSync(fd, Buffer.alloc(1)), { code: "EPERM" });
    tables.guard(1, [observer], { slots, enforces: false });
    assert.equal(readSync(fd, Buffer.alloc(1)), 1);
  } finally {
    tables.guard(1, [], { slots });
    fill(0n);
    closeSync(fd);
  }
  assert.ok((guard.faults().FAULT_SCRATCH ?? 0) >= before + 2);
});
