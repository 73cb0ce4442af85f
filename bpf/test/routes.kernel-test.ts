// SPDX-License-Identifier: Apache-2.0
// Values behind arguments and behind the current task: a route leads to each of them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { openSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { findType, followPath } from "../../packages/btf/src/index.ts";
import { readKernelBtf } from "../../packages/libbpf/src/index.ts";
import { createGuard } from "./guard.ts";
import type { Arg } from "./record.ts";
import type { Filter, Slot } from "./tables.ts";

const guard = createGuard({ kinds: ["fentry", "lsm", "tracepoint"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const kernel = readKernelBtf();
const flag = tables.constant;
let routes = 0;

type RouteOptions = {
  readonly address?: boolean;
  readonly signed?: boolean;
  readonly bits?: number;
  readonly shift?: number;
  readonly room?: number;
  readonly task?: boolean;
};

/** A new route along a path from a structure; to a number, or to an address. */
function route(structure: string, path: string, options: RouteOptions = {}): number {
  const id = findType(kernel, "struct", structure);
  assert.ok(id);
  const found = followPath(kernel, { structure: id }, path);
  assert.ok("offset" in found, `${structure} ${path}: ${JSON.stringify(found)}`);
  const { value } = found;
  const toPointer = value.kind === "pointer";
  const dereferences = [...found.dereferences, ...(toPointer ? [found.offset] : [])];
  const number = value.kind === "integer" && !options.address ? value : undefined;
  const { bits = number?.bits ?? 64, shift = number?.shift ?? 0 } = options;
  const signed = options.signed ?? number?.signed ?? false;
  tables.write("routes", ++routes, {
    steps: dereferences.length,
    flags: (signed ? flag("ROUTE_SIGNED") : 0) | (options.task ? flag("ROUTE_FROM_TASK") : 0),
    size: number?.size ?? 0,
    shift_left: number === undefined ? 0 : 64 - bits - shift,
    shift_right: number === undefined ? 0 : 64 - bits,
    room: options.room ?? 0,
    offset: toPointer ? 0 : found.offset,
    dereferences: Array.from({ length: flag("ROUTE_STEPS") }, (_, i) => dereferences[i] ?? 0),
  });
  return routes;
}

const ofTask = (path: string, options: RouteOptions = {}) =>
  route("task_struct", path, { ...options, task: true });

const text = ({ bytes, flags }: Arg) => `${bytes}${flags === 0 ? "" : ` ${flags}`}`;
const number = (arg: Arg | undefined) => arg?.bytes.readBigInt64LE();
let counter = 1;

/** The arguments of a record while `act` runs in this process. */
function observe(
  hook: Omit<Parameters<typeof guard.attach>[0], "id">,
  slots: readonly Slot[],
  act: () => unknown,
  filters: readonly Filter[] = [],
): readonly Arg[][] {
  const id = counter++;
  const verdict = { actions: ["ACTION_POST"], counter: id };
  const rule = { id, args: slots.map((_, i) => i), selectors: [{ filters, verdict }] };
  tables.guard(id, [rule], { slots });
  using _link = guard.attach({ ...hook, id } as Parameters<typeof guard.attach>[0]);
  guard.drain();
  act();
  return guard
    .drain()
    .filter(({ type, process: { pid } }) => type === flag("RECORD_HOOK") && pid === process.pid)
    .map(({ args }) => [...args]);
}

const opens = { kind: "fentry", target: "security_file_open", nargs: 1 } as const;
const opened = "/tmp/route-of-a-file";
writeFileSync(opened, "12345");
const open = () => openSync(opened, "r");

test("from an argument: a text, a number, an address that any type begins with", () => {
  const { ino } = statSync(opened);
  const slots = [
    { type: "VALUE_STRING", route: route("file", "f_path.dentry.d_name.name") },
    { type: "VALUE_U32", route: route("file", "f_path.dentry.d_name.len") },
    { type: "VALUE_U64", route: route("file", "f_inode.i_ino") },
    { type: "VALUE_U16", route: route("file", "f_inode.i_mode") },
    { type: "VALUE_PATH", route: route("file", "f_path") },
    { type: "VALUE_DENTRY", route: route("file", "f_path.dentry.d_parent") },
    { type: "VALUE_STRING", route: route("file", "f_inode.i_sb.s_id", { room: 32 }) },
  ];
  const [args = []] = observe(opens, slots, open);
  const [name, length, inode, mode, path, parent, device] = args as Arg[];
  assert.equal(text(name as Arg), "route-of-a-file");
  assert.equal(number(length), 15n);
  assert.equal(number(inode), BigInt(ino));
  assert.equal(number(mode), 0o100644n);
  assert.equal(text(path as Arg), opened);
  assert.equal(text(parent as Arg), "/");
  assert.equal(text(device as Arg), "tmpfs");
});

test("from the current task", () => {
  const comm = readFileSync("/proc/self/comm", "utf8").trim();
  const slots = [
    { type: "VALUE_S32", route: ofTask("tgid") },
    { type: "VALUE_S32", route: ofTask("real_parent.tgid") },
    { type: "VALUE_STRING", route: ofTask("comm", { address: true, room: 16 }) },
    { type: "VALUE_FILE", route: ofTask("mm.exe_file") },
    { type: "VALUE_CRED", route: ofTask("cred") },
  ];
  const [args = []] = observe(opens, slots, open);
  const [pid, parent, name, binary, cred] = args as Arg[];
  assert.equal(number(pid), BigInt(process.pid));
  assert.equal(number(parent), BigInt(process.ppid));
  assert.equal(text(name as Arg), comm);
  assert.equal(text(binary as Arg), readlinkSync("/proc/self/exe"));
  assert.equal(cred?.bytes.length, 16 * 8);
});

test("parts of a number, and its sign", () => {
  const priority = 120n; // static_prio of a process that is not nice
  const all = (part: RouteOptions) => ({ type: "VALUE_U64", route: ofTask("static_prio", part) });
  const slots = [
    all({}),
    all({ bits: 3, shift: 4, signed: false }),
    all({ bits: 3, shift: 4, signed: true }),
    all({ bits: 1, shift: 3, signed: false }),
    { type: "VALUE_U8", route: ofTask("static_prio") },
  ];
  const [args = []] = observe(opens, slots, open);
  assert.deepEqual(args.map(number), [priority, 7n, -1n, 1n, priority]);
});

test("a text that fills its array ends with it", () => {
  const slots = [{ type: "VALUE_STRING", route: ofTask("comm", { address: true, room: 2 }) }];
  const [args = []] = observe(opens, slots, open);
  assert.equal(text(args[0] as Arg), readFileSync("/proc/self/comm", "utf8").slice(0, 2));
});

test("in a field of a tracepoint's record", () => {
  const format = readFileSync("/sys/kernel/tracing/events/sched/sched_process_exec/format", "utf8");
  const raw = Number(/\bpid;\s+offset:(\d+)/.exec(format)?.[1]);
  // A pid is no address: what it would lead to can't be read.
  const slots = [{ type: "VALUE_U64", raw, size: 4, route: route("file", "f_inode.i_ino") }];
  const id = counter++;
  const verdict = { actions: ["ACTION_POST"], counter: id };
  tables.guard(id, [{ id, args: [0], selectors: [{ filters: [], verdict }] }], { slots });
  const target = ["sched", "sched_process_exec"] as const;
  using _link = guard.attach({ kind: "tracepoint", target, id, nargs: 0, flags: 2 });
  guard.drain();
  spawnSync("/usr/bin/true");
  const [record] = guard.drain().filter(({ type }) => type === flag("RECORD_HOOK"));
  assert.equal(record?.args[0]?.flags, flag("TEXT_UNREADABLE"));
});

test("filters test what a route leads to", () => {
  const slots = [
    { type: "VALUE_U32", route: route("file", "f_path.dentry.d_name.len") },
    { type: "VALUE_S32", route: ofTask("tgid") },
  ];
  const count = (values: readonly number[]) =>
    observe(opens, slots, open, [
      { op: "ROW_EQUAL", slot: 0, values: [values[0] ?? 0] },
      { op: "ROW_EQUAL", slot: 1, values: [values[1] ?? 0] },
    ]).length;
  assert.equal(count([15, process.pid]), 1);
  assert.equal(count([16, process.pid]), 0);
  assert.equal(count([15, process.pid + 1]), 0);
});
