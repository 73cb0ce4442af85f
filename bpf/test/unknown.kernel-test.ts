// SPDX-License-Identifier: Apache-2.0
// The truth table of docs/decisions/0027: each kind of filter, each state of the fact that it needs, with and
// without ROW_NEGATE and ROW_UNKNOWN_HOLDS.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { after, test } from "node:test";
import { readObject } from "../../packages/libbpf/src/index.ts";
import {
  createStructLayouts,
  fieldOf,
} from "../../packages/sensor/src/kernel/tables/struct-layouts.ts";
import { createGuard, type Hook } from "./guard.ts";
import type { Filter, Slot } from "./tables.ts";

const scenes = "/gander/bpf/build/test/scenes";
const guard = createGuard({ kinds: ["kprobe", "fentry"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const { btf } = readObject(readFileSync(new URL("../build/hook.bpf.o", import.meta.url)), "hook");
assert.ok(btf);
const layouts = createStructLayouts(btf);
const flag = tables.constant;
const negate = flag("ROW_NEGATE");
const holds = flag("ROW_UNKNOWN_HOLDS");
let counter = 1;

/** Which of the four rows held: safe side "holds", the same negated, "fails", the same negated. */
type Outcome = readonly [number, number, number, number];
const known: Outcome = [1, 0, 1, 0];
const unknown: Outcome = [1, 1, 0, 0];
const forgeable: Outcome = [1, 1, 0, 0];
const absent: Outcome = [0, 0, 0, 0];

type Case = readonly [filter: Filter, outcome: Outcome];

/** Four rules per filter, for calls that `mark` selects; `missing`: the facts counted and marked. */
async function expectOutcomes(
  hook: Hook,
  slots: readonly Slot[],
  mark: Filter,
  cases: readonly Case[],
  missing: string | undefined,
  act: () => unknown,
): Promise<void> {
  const rows = cases.flatMap(([filter]) =>
    [holds, holds | negate, 0, negate].map((flags) => ({ ...filter, flags })),
  );
  const first = counter;
  counter += rows.length;
  tables.guard(
    hook.id,
    rows.map((row, i) => ({
      id: first + i,
      selectors: [
        { filters: [mark, row], verdict: { actions: ["ACTION_POST"], counter: first + i } },
      ],
    })),
    { slots },
  );
  guard.drain();
  {
    using _link = guard.attach(hook);
    await act();
  }
  const outcomes = rows.map((_, i) => Number(tables.read("counts", first + i).matched));
  assert.deepEqual(
    cases.map(([{ op }], i) => [op, ...outcomes.slice(4 * i, 4 * i + 4)]),
    cases.map(([{ op }, outcome]) => [op, ...outcome]),
  );
  const bit = missing === undefined ? 0 : flag("RECORD_MISSING_FACT") << flag(missing);
  const marked = guard
    .drain()
    .filter((record) => record.type === flag("RECORD_HOOK"))
    .map(({ flags }) => flags & ~(flag("RECORD_MISSING_FACT") - 1));
  assert.equal(marked.length, outcomes.filter((n) => n > 0).length);
  if (missing !== "FACT_NAME")
    assert.deepEqual([...new Set(marked)], marked[0] === undefined ? [] : [bit]);
  else assert.ok(marked.includes(bit));
}

const text = (set: number, value: string) => {
  tables.put("str_set_64", { set, length: value.length, text: value });
  tables.put("prefix_set", { bits: 32 + 8 * value.length, set, text: value });
  const reversed = [...value].reverse().join("");
  tables.put("prefix_set", { bits: 32 + 8 * reversed.length, set: set + 1, text: reversed });
};

const truncates: Hook = {
  id: 1,
  kind: "kprobe",
  target: "__x64_sys_ftruncate",
  nargs: 6,
  flags: 1,
};
const length: Slot = { type: "VALUE_U64", raw: 1 };
const file = "/tmp/truncated";
writeFileSync(file, "");

text(10, scenes);
text(20, "/opt/scenes");
const binary = (set: number, length: number): Filter[] => [
  { op: "ROW_BINARY_EQUAL", set },
  { op: "ROW_BINARY_PREFIX", set },
  { op: "ROW_BINARY_POSTFIX", set: set + 1, values: [length] },
];
const followed: Filter = { op: "ROW_FOLLOW", set: 10, values: [1] };

/** A process that calls ftruncate after `before` has finished. */
async function truncate(
  command: readonly string[],
  size: number,
  before: (pid: number) => void = () => {},
): Promise<void> {
  const [program = "", ...args] = [...command, "truncate-when-told", file, `${size}`];
  const child = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(child, "exit");
  // The process has reached its final state once it has opened the file.
  for (let tries = 0; ; tries++) {
    const { stdout } = spawnSync("readlink", [`/proc/${child.pid}/fd/3`], { encoding: "utf8" });
    if (stdout.trim() === file) break;
    assert.ok(tries < 200, "it does not begin");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  before(child.pid ?? 0);
  child.stdin?.end("x");
  assert.deepEqual(await ended, [0, null]);
}

const forget = (pid: number) =>
  assert.ok(guard.map("procs").delete(Buffer.from(Uint32Array.of(pid).buffer)));
const marked = (size: number): Filter => ({ op: "ROW_EQUAL", slot: 0, values: [size] });

test("a binary that is known", async () => {
  const cases = [...binary(10, scenes.length), followed].map((one): Case => [one, known]);
  await expectOutcomes(truncates, [length], marked(701), cases, undefined, () =>
    truncate([scenes], 701),
  );
});

test("a process that is not in the table: its binary is read from the task", async () => {
  const cases = binary(10, scenes.length).map((one): Case => [one, known]);
  await expectOutcomes(truncates, [length], marked(702), cases, undefined, () =>
    truncate([scenes], 702, forget),
  );
});

/** Puts the binary of a process into a set, and files that differ from it in one number into other sets. */
function putFiles(first: number, pid: number): void {
  const entry = guard.map("procs").get(Buffer.from(Uint32Array.of(pid).buffer));
  assert.ok(entry);
  const proc = Buffer.from(entry);
  const at = fieldOf(layouts("proc"), "file").offset;
  const word = (field: string) => at + fieldOf(layouts("file_identity"), field).offset;
  const inode = proc.readBigUInt64LE(word("inode"));
  const device = proc.readUInt32LE(word("device"));
  const generation = proc.readUInt32LE(word("generation"));
  assert.notEqual(inode, 0n);
  const files = [
    { inode, device, generation },
    { inode: inode + 1n, device, generation },
    { inode, device: device + 1, generation },
    { inode, device, generation: generation + 1 },
  ];
  for (const [i, file] of files.entries())
    tables.put("file_set", { set: first + i, pad: 0, ...file });
}
const files = (first: number): Filter[] =>
  [0, 1, 2, 3].map((i) => ({ op: "ROW_BINARY_FILE", set: first + i }));
const other: Outcome = [0, 1, 0, 1];

test("the file that runs: all its numbers count", async () => {
  const cases = files(80).map((one, i): Case => [one, i === 0 ? known : other]);
  await expectOutcomes(truncates, [length], marked(720), cases, undefined, () =>
    truncate([scenes], 720, (pid) => putFiles(80, pid)),
  );
});

test("… of a process that is not in the table it is read from the task", async () => {
  const cases = files(90).map((one, i): Case => [one, i === 0 ? known : other]);
  await expectOutcomes(truncates, [length], marked(721), cases, undefined, () =>
    truncate([scenes], 721, (pid) => {
      putFiles(90, pid);
      forget(pid);
    }),
  );
});

test("… which isn't believed in a user namespace", async () => {
  const cases = files(100).map((one): Case => [one, unknown]);
  await expectOutcomes(truncates, [length], marked(722), cases, "FACT_PROCESS", () =>
    truncate(["unshare", "-U", scenes], 722, (pid) => {
      putFiles(100, pid);
      forget(pid);
    }),
  );
});

test("… what it descends from can't be", async () => {
  await expectOutcomes(
    truncates,
    [length],
    marked(703),
    [[followed, unknown]],
    "FACT_PROCESS",
    () => truncate([scenes], 703, forget),
  );
});

/** As if other calls held all scratch memory. */
function takeScratch(taken: bigint): void {
  const pool = guard.map("scratch_pool");
  for (const [key, value] of [...pool.entries()]) {
    new BigUint64Array(value.buffer, value.byteOffset, 1)[0] = taken;
    pool.set(key, value);
  }
}

test("a process whose exec found no working memory: what it descends from can't be known", async () => {
  const follows: Case[] = [[{ ...followed, set: 0 }, unknown]];
  const binaries = binary(10, scenes.length).map((one): Case => [one, known]);
  for (const [size, cases, missing] of [
    [712, follows, "FACT_PROCESS"],
    [713, binaries, undefined],
  ] as const) {
    takeScratch(15n);
    try {
      await expectOutcomes(truncates, [length], marked(size), cases, missing, () =>
        truncate([scenes], size, () => takeScratch(0n)),
      );
    } finally {
      takeScratch(0n);
    }
  }
});

test("… nor a binary in a user namespace, where the task may name any", async () => {
  const cases = binary(10, scenes.length).map((one): Case => [one, unknown]);
  await expectOutcomes(truncates, [length], marked(704), cases, "FACT_PROCESS", () =>
    truncate(["unshare", "-U", scenes], 704, forget),
  );
});

mkdirSync("/opt", { recursive: true });
const forged = [
  ...["unshare", "-Urm", "bash", "-c"],
  `mount -t tmpfs none /opt && : > /opt/scenes && mount --bind ${scenes} /opt/scenes && exec /opt/scenes "$@"`,
  "forge",
];

test("a binary at a path that the process made up", async () => {
  const cases = binary(20, 11).map((one): Case => [one, forgeable]);
  await expectOutcomes(truncates, [length], marked(705), cases, "FACT_NAME", () =>
    truncate(forged, 705),
  );
});

test("… that is on no list", async () => {
  text(30, "/usr/sbin/other");
  const cases = binary(30, 15).map((one): Case => [one, [0, 1, 0, 0]]);
  await expectOutcomes(truncates, [length], marked(706), cases, "FACT_NAME", () =>
    truncate(forged, 706),
  );
});

const path: Slot = { type: "VALUE_FD", raw: 0 };
const paths = (slot: number, set: number, length: number): Filter[] => [
  { op: "ROW_STR_EQUAL", slot, set },
  { op: "ROW_STR_PREFIX", slot, set },
  { op: "ROW_STR_POSTFIX", slot, set: set + 1, values: [length] },
];

test("a file at a path that the process made up", async () => {
  text(40, file);
  writeFileSync("/tmp/secret", "");
  const bound = [
    ...["unshare", "-Urm", "bash", "-c"],
    `mount --bind /tmp/secret ${file} && exec ${scenes} "$@"`,
    "forge",
  ];
  const cases = paths(1, 40, file.length).map((one): Case => [one, forgeable]);
  await expectOutcomes(truncates, [length, path], marked(707), cases, "FACT_NAME", () =>
    truncate(bound, 707),
  );
});

test("a path of too many components", async () => {
  mkdirSync("/tmp/shallow", { recursive: true });
  text(50, "/tmp/shallow/d");
  const cases = paths(1, 50, 14).map((one): Case => [one, unknown]);
  await expectOutcomes(truncates, [length, path], marked(710), cases, "FACT_PATH", () => {
    const deep = ["deep-write", "9000", "leaf", "1"];
    assert.equal(spawnSync(scenes, deep, { cwd: "/tmp/shallow" }).status, 0);
  });
});

test("memory that can't be read, and a pointer to nothing", async () => {
  text(60, "x");
  const texts: Slot[] = ["VALUE_STRING", "VALUE_USER_STRING"].map((type) => ({ type, raw: 1 }));
  const cut = (size: number) => {
    const fd = openSync(file, "r+");
    ftruncateSync(fd, size);
    closeSync(fd);
  };
  const own: Filter = { op: "ROW_PID", values: [process.pid] };
  const at = (slot: number, outcome: Outcome) =>
    paths(slot, 60, 1).map((one): Case => [one, outcome]);
  const cases = [...at(0, unknown), ...at(1, unknown)];
  await expectOutcomes({ ...truncates, id: 3 }, texts, own, cases, "FACT_MEMORY", () => cut(711));
  const nothing = [...at(0, absent), ...at(1, absent)];
  await expectOutcomes({ ...truncates, id: 4 }, texts, own, nothing, undefined, () => cut(0));
});

test("no file: a mapping of memory alone fits no filter", async () => {
  const maps: Hook = { id: 5, kind: "fentry", target: "security_mmap_file", nargs: 3 };
  const cases = paths(0, 60, 1).map((one): Case => [one, absent]);
  let mapped = 0;
  await expectOutcomes(
    maps,
    [{ type: "VALUE_FILE", raw: 0 }],
    { op: "ROW_PID", values: [process.pid] },
    cases,
    undefined,
    () => {
      mapped = new Uint8Array(64 << 20).length;
    },
  );
  assert.ok(mapped > 0);
});

test("a value behind a null pointer, and one in memory that cannot be read", async () => {
  // The length is taken for the address where the route begins: 0 is null, and at 717 is no memory.
  const route = (at: number, dereferences: readonly number[], numberSize: number) =>
    tables.write("routes", at, {
      steps: dereferences.length,
      ...{ flags: 0, size: numberSize, room: 0, offset: 0 },
      ...{ shift_left: 0, shift_right: 0 },
      dereferences: Array.from({ length: flag("ROUTE_STEPS") }, (_, i) => dereferences[i] ?? 0),
    });
  route(1, [], 8);
  route(2, [0], 0);
  const slots: Slot[] = [
    length,
    { type: "VALUE_U64", raw: 1, route: 1 },
    { type: "VALUE_STRING", raw: 1, route: 2 },
    { type: "VALUE_FILE", raw: 1, route: 2 },
    { type: "VALUE_SOCK", raw: 1, route: 2 },
    { type: "VALUE_CAPABILITIES", raw: 1, route: 2 },
    { type: "VALUE_FD", raw: 1, route: 1 },
  ];
  text(60, "x");
  const filters: Filter[] = [
    { op: "ROW_EQUAL", slot: 1, values: [5] },
    { op: "ROW_STR_EQUAL", slot: 2, set: 60 },
    { op: "ROW_STR_PREFIX", slot: 3, set: 60 },
    { op: "ROW_FAMILY", slot: 4, values: [2] },
    { op: "ROW_EQUAL", slot: 5, values: [5] },
    { op: "ROW_STR_PREFIX", slot: 6, set: 60 },
  ];
  const all = (outcome: Outcome) => filters.map((filter): Case => [filter, outcome]);
  const truncateTo = (bytes: number) => () => {
    const fd = openSync(file, "r+");
    ftruncateSync(fd, bytes);
    closeSync(fd);
  };
  await expectOutcomes(truncates, slots, marked(0), all(absent), undefined, truncateTo(0));
  await expectOutcomes(truncates, slots, marked(717), all(unknown), "FACT_MEMORY", truncateTo(717));
});
