// SPDX-License-Identifier: Apache-2.0
// The index and the cache for open files: faster, never another answer.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";
import type { Filter, GuardRules, TestRule } from "./tables.ts";

const guard = createGuard({ kinds: ["lsm"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const scenes = "/gander/bpf/build/test/scenes";
const slots = [
  { type: "VALUE_FILE", raw: 0 },
  { type: "VALUE_S32", raw: 1 },
];
const bits = (...rules: number[]) => {
  const words = Array.from({ length: 16 }, () => 0n);
  for (const rule of rules) words[rule >> 6] = (words[rule >> 6] ?? 0n) | (1n << BigInt(rule & 63));
  return words;
};
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const prefixes = ["/tmp/m", "/tmp/match/", "/tmp/o", "/tmp/"];
for (const [i, text] of prefixes.entries())
  tables.put("prefix_set", { bits: 32 + 8 * text.length, set: 10 + i, text });
const own: Filter = { op: "ROW_PID", values: [process.pid] };
let counter = 1;

/** Rules: reads below prefix 0, 1, 2, 3; writes below prefix 0. */
function rules(): TestRule[] {
  const filters: Filter[][] = [
    ...prefixes.map((_, i): Filter[] => [
      { op: "ROW_EQUAL", slot: 1, values: [4] },
      { op: "ROW_STR_PREFIX", slot: 0, set: 10 + i },
    ]),
    [
      { op: "ROW_EQUAL", slot: 1, values: [2] },
      { op: "ROW_STR_PREFIX", slot: 0, set: 10 },
    ],
  ];
  return filters.map((all) => {
    const at = counter++;
    return {
      id: at,
      args: [],
      selectors: [{ filters: [own, ...all], verdict: { actions: [], counter: at } }],
    };
  });
}

/** The index of these rules, with keys of its own. */
function indexOf(key: number): NonNullable<GuardRules["index"]> {
  const set = (at: number, ...all: number[]) => tables.write("bitsets", at, { bits: bits(...all) });
  set(1, 0, 1, 2, 3); // reads
  set(2, 4); // writes
  set(3); // none
  set(5, 0, 3, 4); // /tmp/m
  set(6, 0, 1, 3, 4); // /tmp/match/
  set(7, 2, 3); // /tmp/o
  set(8, 3); // /tmp/
  tables.put("index_int", { index: key, value: 4n }, u32(1));
  tables.put("index_int", { index: key, value: 2n }, u32(2));
  for (const value of [4n, 2n]) tables.list(key, value);
  for (const [i, text] of prefixes.entries())
    tables.put("index_text", { bits: 32 + 8 * text.length, index: key, text }, u32(5 + i));
  return {
    index: key,
    index_int: 1,
    index_text: 0,
    int_default: 3,
    text_default: 3,
    text_rules: bits(0, 1, 2, 3, 4),
  };
}

const listing = { flags: tables.constant("HOOK_LISTED_NUMBERS") };
const remembering = { flags: tables.constant("HOOK_CACHE_PATHS") | listing.flags };
const ways = [
  ["rows", undefined],
  ["index", indexOf(1)],
  ["index, with the list of numbers", { ...indexOf(4), ...listing }],
  ["index, remembered", { ...indexOf(2), ...remembering }],
] as const;

/** Reads files whose directories are renamed while they are open. */
function scene(): void {
  mkdirSync("/tmp/match", { recursive: true });
  for (const name of ["m", "o", "x"]) {
    mkdirSync(`/tmp/${name}`, { recursive: true });
    writeFileSync(`/tmp/${name}/file`, "x");
    const fd = openSync(`/tmp/${name}/file`, "r");
    const read = () => {
      for (let i = 0; i < 3; i++) readSync(fd, Buffer.alloc(1), 0, 1, 0);
    };
    read();
    renameSync(`/tmp/${name}`, "/tmp/match/moved");
    read();
    renameSync("/tmp/match/moved", `/tmp/${name}`);
    read();
    closeSync(fd);
  }
}

test("rows, index and memory agree, also while directories are renamed", () => {
  using _free = guard.attachFileFree();
  using _link = guard.attach({ id: 1, kind: "lsm", target: "file_permission", nargs: 2 });
  tables.write("config", 0, { flags: tables.constant("CONFIG_PATH_CACHE") });
  const answers = ways.map(([, index]) => {
    const first = counter;
    tables.guard(1, rules(), { slots, ...(index && { index }) });
    try {
      scene();
    } finally {
      tables.guard(1, [], { slots });
    }
    return [0, 1, 2, 3, 4].map((i) => Number(tables.read("counts", first + i).matched));
  });
  for (const [i, [way]] of ways.entries()) assert.deepEqual(answers[i], answers[0], way);
  assert.ok(
    answers[0]?.every((n) => n > 0),
    JSON.stringify(answers[0]),
  );
});

test("what is remembered goes with the file", () => {
  using _free = guard.attachFileFree();
  using _link = guard.attach({ id: 1, kind: "lsm", target: "file_permission", nargs: 2 });
  tables.write("config", 0, { flags: tables.constant("CONFIG_PATH_CACHE") });
  tables.guard(1, rules(), { slots, index: { ...indexOf(3), ...remembering } });
  /** The first field of an entry is the file's address. */
  const entries = () =>
    new Set(
      [...guard.map("path_cache").entries()]
        .map(([, value]) => Buffer.from(value).readBigUInt64LE(0))
        .filter((file) => file !== 0n),
    );
  const before = entries();
  const fd = openSync("/tmp/o/file", "r");
  readSync(fd, Buffer.alloc(1), 0, 1, 0);
  const during = [...entries()].filter((key) => !before.has(key));
  assert.ok(during.length > 0);
  closeSync(fd);
  // a closed file is freed by a work item or on return to user space
  spawnSync("sleep", ["0.1"]);
  const left = entries();
  assert.ok(
    during.some((key) => !left.has(key)),
    "still there after close",
  );
  tables.guard(1, [], { slots });
});

test("many at once: every call is counted and decided", async () => {
  using _link = guard.attach({ id: 2, kind: "lsm", target: "file_permission", nargs: 2 });
  writeFileSync("/tmp/busy", "x");
  const at = counter++;
  tables.put("prefix_set", { bits: 32 + 8 * 9, set: 20, text: "/tmp/busy" });
  tables.guard(
    2,
    [
      {
        id: at,
        args: [0],
        selectors: [
          {
            filters: [{ op: "ROW_STR_PREFIX", slot: 0, set: 20 }],
            verdict: { actions: ["ACTION_POST"], counter: at },
          },
        ],
      },
    ],
    { slots },
  );
  const before = tables.read("counts", at);
  const scratch = guard.faults().FAULT_SCRATCH;
  guard.drain();
  const children = Array.from({ length: 8 }, () =>
    spawn(scenes, ["time-calls", "read", "990", "/tmp/busy"], { stdio: "ignore" }),
  );
  const types = new Map<number, number>();
  const timer = setInterval(() => guard.drainTypes(types), 10);
  await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))));
  clearInterval(timer);
  guard.drainTypes(types);
  const { matched, emitted, lost_ring, lost_stage } = tables.read("counts", at);
  assert.equal(Number(matched) - Number(before.matched), 8 * 1000);
  assert.equal(Number(matched), Number(emitted) + Number(lost_ring) + Number(lost_stage));
  assert.equal(types.get(tables.constant("RECORD_HOOK")), Number(emitted));
  assert.equal(guard.faults().FAULT_SCRATCH, scratch);
});
