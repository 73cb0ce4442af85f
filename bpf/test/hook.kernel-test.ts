// SPDX-License-Identifier: Apache-2.0
// The generic hook: kinds of attaching, actions, counters.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";

const guard = createGuard();
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const EACCES = 13;
writeFileSync("/tmp/guarded", "secret");

const own = { op: "ROW_PID", values: [process.pid] };
const hookRecords = () =>
  guard.drain().filter(({ type }) => type === tables.constant("RECORD_HOOK"));

test("an LSM hook denies a path prefix and tells of it, and nothing else", () => {
  tables.put("prefix_set", { bits: 32 + 8 * 9, set: 5, text: "/tmp/guar" });
  tables.guard(
    1,
    [
      {
        id: 77,
        args: [0, 1],
        selectors: [
          {
            filters: [
              own,
              { op: "ROW_EQUAL", slot: 1, values: [4] },
              { op: "ROW_STR_PREFIX", slot: 0, set: 5 },
            ],
            verdict: { actions: ["ACTION_POST", "ACTION_DENY"], error: -EACCES, counter: 1 },
          },
        ],
      },
    ],
    {
      slots: [
        { type: "VALUE_FILE", raw: 0 },
        { type: "VALUE_S32", raw: 1 },
      ],
      enforces: true,
    },
  );
  using _link = guard.attach({ id: 1, kind: "lsm", target: "file_permission", nargs: 2 });
  guard.drain();
  const fd = openSync("/tmp/guarded", "r");
  assert.throws(() => readSync(fd, Buffer.alloc(1)), { code: "EACCES" });
  closeSync(fd);
  readFileSync("/etc/passwd");
  const records = hookRecords();
  assert.equal(records.length, 1);
  const [record] = records;
  assert.equal(record?.own.rule, 77);
  assert.equal(record?.process.pid, process.pid);
  assert.equal(record?.args[0]?.bytes.toString(), "/tmp/guarded");
  assert.equal(record?.args[0]?.extra, 0o100644);
  assert.equal(record?.args[1]?.bytes.readBigInt64LE(), 4n);
  const count = tables.read("counts", 1);
  assert.equal(count.matched, 1n);
  assert.equal(count.emitted, 1n);
  assert.equal(count.denied, 1n);
});

test("a kill stops the call", () => {
  tables.put("prefix_set", { bits: 32 + 8 * 12, set: 6, text: "/tmp/writes." });
  tables.guard(
    2,
    [
      {
        id: 78,
        args: [0],
        selectors: [
          {
            filters: [
              { op: "ROW_EQUAL", slot: 1, values: [2] },
              { op: "ROW_STR_PREFIX", slot: 0, set: 6 },
            ],
            verdict: { actions: ["ACTION_POST", "ACTION_KILL"], counter: 2 },
          },
        ],
      },
    ],
    {
      slots: [
        { type: "VALUE_FILE", raw: 0 },
        { type: "VALUE_S32", raw: 1 },
      ],
      enforces: true,
    },
  );
  using _link = guard.attach({ id: 2, kind: "lsm", target: "file_permission", nargs: 2 });
  guard.drain();
  writeFileSync("/tmp/other", "x");
  const result = spawnSync("bash", ["-c", "echo foo >> /tmp/writes.1; echo survived"]);
  assert.equal(result.signal, "SIGKILL");
  assert.equal(readFileSync("/tmp/writes.1", "utf8"), "");
  const [record] = hookRecords();
  assert.equal(record?.own.rule, 78);
  assert.equal(record?.process.pid, result.pid);
  assert.equal(tables.read("counts", 2).killed, 1n);
});

for (const kind of ["fentry", "fexit", "kprobe", "fmod_ret"] as const) {
  test(`${kind} sees the arguments`, () => {
    tables.guard(
      3,
      [
        {
          id: 80,
          args: [0, 1],
          ...(kind === "fexit" && { returnSlot: 2 }),
          selectors: [
            {
              filters: [own, { op: "ROW_EQUAL", slot: 1, values: [4] }],
              verdict: { actions: ["ACTION_POST"], counter: 3 },
            },
          ],
        },
      ],
      {
        slots: [
          { type: "VALUE_FILE", raw: 0 },
          { type: "VALUE_S32", raw: 1 },
          { type: "VALUE_S32", raw: tables.constant("RAW_RETURN") },
        ],
      },
    );
    using _link = guard.attach({ id: 3, kind, target: "security_file_permission", nargs: 2 });
    guard.drain();
    readFileSync("/tmp/guarded");
    const record = hookRecords().find(({ args }) => args[0]?.bytes.toString() === "/tmp/guarded");
    assert.equal(record?.args[1]?.bytes.readBigInt64LE(), 4n);
    if (kind !== "fexit") return;
    assert.equal(record?.args[2]?.flags, tables.constant("ARG_RETURN"));
    assert.equal(record?.args[2]?.bytes.readBigInt64LE(), 0n);
  });
}
