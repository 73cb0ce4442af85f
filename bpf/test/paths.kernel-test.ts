// SPDX-License-Identifier: Apache-2.0
// Paths as policies see them, even where a process tries to hide one.
import assert from "node:assert/strict";
import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";
import type { Arg } from "./record.ts";

const guard = createGuard({ kinds: ["fentry"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const scenes = "/gander/bpf/build/test/scenes";
const flag = (name: string) => tables.constant(name);
const prefix = (set: number, text: string) =>
  tables.put("prefix_set", { bits: 32 + 8 * text.length, set, text });
prefix(1, "/etc/");
prefix(2, "/tmp/deep/d");
prefix(3, "fael"); // "leaf", backwards

const flags = flag("ROW_UNKNOWN_HOLDS");
const filters = [
  { op: "ROW_STR_PREFIX", slot: 0, set: 1, flags },
  { op: "ROW_STR_PREFIX", slot: 0, set: 2, flags },
  { op: "ROW_STR_POSTFIX", slot: 0, set: 3, values: [4], flags },
];
/** Rule 1 reports every write; rules 2… hold if their filter does. */
tables.guard(
  1,
  [
    {
      id: 1,
      args: [0],
      selectors: [
        {
          filters: [{ op: "ROW_EQUAL", slot: 1, values: [2] }],
          verdict: { actions: ["ACTION_POST"], counter: 1 },
        },
      ],
    },
    ...filters.map((filter, i) => ({
      id: 2 + i,
      args: [],
      selectors: [
        {
          filters: [{ op: "ROW_EQUAL", slot: 1, values: [2] }, filter],
          verdict: { actions: ["ACTION_POST"], counter: 2 + i },
        },
      ],
    })),
  ],
  {
    slots: [
      { type: "VALUE_FILE", raw: 0 },
      { type: "VALUE_S32", raw: 1 },
    ],
  },
);
guard.attach({ id: 1, kind: "fentry", target: "security_file_permission", nargs: 2 });

/** The files that other processes wrote to during the call: the path, and the rules that hold. */
function writes(command: string, args: readonly string[], options: SpawnSyncOptions = {}) {
  guard.drain();
  const { status, stderr } = spawnSync(command, args, options);
  assert.equal(status, 0, String(stderr));
  const records = guard
    .drain()
    .filter((record) => record.type === flag("RECORD_HOOK") && record.process.pid !== process.pid);
  const found = new Map<string, { arg: Arg; rules: unknown[] }>();
  let last: { arg: Arg; rules: unknown[] } | undefined;
  for (const {
    own,
    args: [arg],
  } of records) {
    if (own.rule === 1 && arg !== undefined) {
      last = { arg, rules: [] };
      found.set(arg.bytes.toString(), last);
    } else last?.rules.push(own.rule);
  }
  return found;
}
const shell = (script: string, options?: SpawnSyncOptions) =>
  writes("bash", ["-c", script], options);
const names = (found: Map<string, unknown>) => [...found.keys()].join(" ");

/** The first file with a path: the test runner also writes into pipes. */
const onDisk = (found: ReturnType<typeof writes>) =>
  [...found].find(([path]) => path.includes("/")) ?? assert.fail(names(found));

test("plain, relative, through a symlink, with many components", () => {
  mkdirSync("/tmp/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", { recursive: true });
  const found = shell(
    "echo x > /etc/new; cd /tmp; ln -s /etc link; echo x > ./link/../etc/via; echo x > a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q",
  );
  assert.deepEqual(found.get("/etc/new")?.rules, [2]);
  assert.deepEqual(found.get("/etc/via")?.rules, [2]);
  assert.deepEqual(found.get("/tmp/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q")?.rules, []);
});

test("pipes and sockets have the names that /proc shows, and match no path", () => {
  const pipe = shell("echo x | cat > /dev/null; readlink /proc/self/fd/0 > /dev/null");
  assert.match(names(pipe), /(^| )pipe:\[\d+\]( |$)/);
  assert.match(names(shell("exec 3<>/dev/udp/127.0.0.1/9; echo x >&3")), /socket:\[\d+\]/);
});

test("an unlinked file keeps its path, with a mark", () => {
  const found = shell("exec 3> /etc/gone; rm /etc/gone; echo x >&3");
  assert.deepEqual(found.get("/etc/gone")?.rules, [2]);
  assert.equal(found.get("/etc/gone")?.arg.flags, flag("TEXT_DELETED"));
});

test("chroot hides nothing", () => {
  mkdirSync("/etc/jail/etc", { recursive: true });
  const found = shell(
    "cp /bin/busybox /etc/jail/; chroot /etc/jail /busybox sh -c 'echo x > /inside'",
  );
  assert.deepEqual(found.get("/etc/jail/inside")?.rules, [2], names(found));
});

test("bind mounts have the path they are reached by", () => {
  mkdirSync("/tmp/bound", { recursive: true });
  const found = shell(
    "mount --bind /etc /tmp/bound; echo x > /tmp/bound/b; echo x > /etc/c; umount /tmp/bound",
  );
  assert.deepEqual(found.get("/tmp/bound/b")?.rules, []);
  assert.deepEqual(found.get("/etc/c")?.rules, [2]);
});

test("a mount that is detached while in use: the path inside of the file system", () => {
  const found = shell(
    "mkdir -p /tmp/bound; mount --bind /etc /tmp/bound; exec 3> /tmp/bound/lazy; umount -l /tmp/bound; echo x >&3",
  );
  const lazy = found.get("/etc/lazy");
  assert.deepEqual(lazy?.rules, [2], names(found));
  assert.equal(lazy?.arg.flags, flag("TEXT_DETACHED") | flag("TEXT_FORGEABLE"));
});

test("a path of more than 4096 bytes: its beginning is kept, prefix and postfix still hold", () => {
  mkdirSync("/tmp/deep", { recursive: true });
  const found = writes(scenes, ["deep-write", "40", "leaf"], { cwd: "/tmp/deep" });
  const [path, { arg, rules }] = onDisk(found);
  assert.ok(path.startsWith("/tmp/deep/ddd"));
  assert.ok(path.length >= 1792, `${path.length}`);
  assert.equal(arg.flags, flag("TEXT_TRUNCATED"));
  assert.deepEqual(rules, [3, 4]);
});

test("more components than are followed hold for every filter", () => {
  mkdirSync("/tmp/shallow", { recursive: true });
  const found = writes(scenes, ["deep-write", "9000", "leaf", "1"], { cwd: "/tmp/shallow" });
  const [, { arg, rules }] = onDisk(found);
  assert.ok(arg.flags & flag("TEXT_TOO_DEEP"));
  assert.deepEqual(rules, [2, 3, 4]);
  assert.ok((guard.faults().FAULT_PATH_DEPTH ?? 0) > 0);
});

test("names of any length", () => {
  const name = (length: number) => "0123456789abcdef".repeat(16).slice(-length);
  const lengths = [...Array.from({ length: 70 }, (_, i) => i + 1), 254, 255];
  const folder = `/tmp/${name(31)}/${name(33)}`;
  mkdirSync(folder, { recursive: true });
  const found = shell(lengths.map((length) => `printf x > ${folder}/${name(length)}`).join("\n"));
  assert.deepEqual(
    [...found.keys()].filter((path) => path.startsWith(folder)),
    lengths.map((length) => `${folder}/${name(length)}`),
  );
});

test("names are bytes", () => {
  const found = shell("printf x > $'/tmp/\\x1b[31m\\n\\xff'");
  assert.equal(onDisk(found)[1].arg.bytes.toString("latin1"), "/tmp/\x1b[31m\n\xff");
  writeFileSync("/tmp/done", "");
});
