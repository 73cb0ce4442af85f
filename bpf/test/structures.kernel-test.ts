// SPDX-License-Identifier: Apache-2.0
// Each type of argument that is a structure of the kernel, or a number that has names: a value that a real
// call has, as the event shows it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import type { MessageArgType } from "../../packages/policy/src/index.ts";
import { createGuard } from "./guard.ts";
import { Observer } from "./observer.ts";
import type { AnyRecord } from "./record.ts";
import { shownArgument } from "./shown-argument.ts";
import type { Slot } from "./tables.ts";

const guard = createGuard({ kinds: ["kprobe", "fentry", "tracepoint", "raw_tp"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const unreadable = tables.constant("TEXT_UNREADABLE");
const scenes = "/gander/bpf/build/test/scenes";
const observer = new Observer(guard);
const observe = observer.records.bind(observer);

const play = (...scene: readonly string[]) => {
  const { status, stderr } = spawnSync(scenes, scene);
  assert.equal(status, 0, String(stderr));
};
const traced = (target: string, nargs: number) => ({ kind: "fentry", target, nargs }) as const;

/** What each record shows of its arguments. */
const all = (records: readonly AnyRecord[], ...types: readonly MessageArgType[]) =>
  records.map(({ args }) => types.map((type, i) => shownArgument(type, args[i])));

test("capabilities: numbers, sets, credentials and their user namespace", async () => {
  const checks = await observe(
    traced("cap_capable", 4),
    [
      { type: "VALUE_CRED", raw: 0 },
      { type: "VALUE_USER_NS", raw: 1 },
      { type: "VALUE_S32", raw: 2 },
    ],
    () => play("chroot"),
  );
  const chroots = all(checks, "cred", "user_namespace", "capability").filter(
    ([, , capability]) => capability?.capability_arg?.name === "CAP_SYS_CHROOT",
  );
  assert.ok(chroots.length > 0);
  const [cred, userNs, capability] = chroots[0] ?? [];
  assert.deepEqual(capability, {
    capability_arg: { value: { value: 18 }, name: "CAP_SYS_CHROOT" },
  });
  assert.equal(userNs?.user_ns_arg?.ns?.is_host, true);
  assert.match(
    `user:[${userNs?.user_ns_arg?.ns?.inum}]`,
    new RegExp(
      spawnSync("readlink", ["/proc/self/ns/user"])
        .stdout.toString()
        .trim()
        .replace(/[[\]]/g, "\\$&"),
    ),
  );
  // scenes changes its file system user before.
  assert.deepEqual(cred?.process_credentials_arg?.fsuid, { value: 1234 });
  assert.deepEqual(cred?.process_credentials_arg?.euid, {});
  assert.ok(cred?.process_credentials_arg?.caps?.effective?.includes("CAP_SYS_CHROOT"));
  assert.deepEqual(cred?.process_credentials_arg?.user_ns?.ns, userNs?.user_ns_arg?.ns);
});

test("sets of capabilities", async () => {
  const sets = await observe(
    traced("security_capset", 5),
    [
      { type: "VALUE_CAPABILITIES", raw: 2 },
      { type: "VALUE_CAPABILITIES", raw: 3 },
      { type: "VALUE_CAPABILITIES", raw: 4 },
      { type: "VALUE_CRED", raw: 0 },
    ],
    () => play("capset"),
  );
  assert.deepEqual(all(sets, "cap_effective", "cap_inheritable", "cap_permitted"), [
    [
      { cap_effective_arg: "0000000000200000" },
      { cap_inheritable_arg: "0000000000000001" },
      { cap_permitted_arg: "0000008000200001" },
    ],
  ]);
});

test("filters on sets of capabilities, also on memory that cannot be read", async () => {
  const counts = async (slot: Slot, values: readonly bigint[], flags = 0) => {
    const filter = { op: "ROW_MASK", slot: 0, values, flags };
    const hook = traced("security_capset", 5);
    return (await observe(hook, [slot], () => play("capset"), [filter])).length;
  };
  const effective: Slot = { type: "VALUE_CAPABILITIES", raw: 2 };
  const distant: Slot = { type: "VALUE_CAPABILITIES", raw: 0, size_raw: 0 };
  assert.equal(await counts(effective, [1n << 21n]), 1);
  assert.equal(await counts(effective, [1n << 20n]), 0);
  assert.equal(await counts(effective, [1n << 20n], tables.constant("ROW_NEGATE")), 1);
  // The return value is a small number, no address.
  const unknown: Slot = { ...distant, raw: tables.constant("RAW_MAY_WRITE") };
  assert.equal(await counts(unknown, [1n]), 0);
  assert.equal(await counts(unknown, [1n], tables.constant("ROW_UNKNOWN_HOLDS")), 1);
});

test("programs and maps of bpf(2), and its commands", async () => {
  const commands = await observe(
    traced("security_bpf", 3),
    [
      { type: "VALUE_S32", raw: 0 },
      { type: "VALUE_BPF_ATTR", raw: 1 },
    ],
    () => play("bpf"),
  );
  const shownCommands = all(commands, "bpf_cmd", "bpf_attr");
  assert.deepEqual(
    shownCommands.map(([command]) => command),
    [
      { bpf_cmd_arg: "BPF_MAP_CREATE" },
      { bpf_cmd_arg: "BPF_PROG_LOAD" },
      { bpf_cmd_arg: "BPF_OBJ_GET_INFO_BY_FD" },
    ],
  );
  assert.deepEqual(shownCommands[1]?.[1], {
    bpf_attr_arg: { ProgType: "BPF_PROG_TYPE_SOCKET_FILTER", InsnCnt: 2, ProgName: "a_program" },
  });
  const maps = await observe(
    traced("security_bpf_map", 2),
    [{ type: "VALUE_BPF_MAP", raw: 0 }],
    () => play("bpf"),
  );
  assert.deepEqual(all(maps, "bpf_map"), [
    [
      {
        bpf_map_arg: {
          MapType: "BPF_MAP_TYPE_ARRAY",
          KeySize: 4,
          ValueSize: 24,
          MaxEntries: 7,
          MapName: "a_map",
        },
      },
    ],
  ]);
  const programs = await observe(
    traced("security_bpf_prog", 1),
    [{ type: "VALUE_BPF_PROG", raw: 0 }],
    () => play("bpf"),
  );
  assert.deepEqual(all(programs, "bpf_prog"), [
    [
      {
        bpf_prog_arg: {
          ProgType: "BPF_PROG_TYPE_SOCKET_FILTER",
          InsnCnt: 2,
          ProgName: "a_program",
        },
      },
    ],
  ]);
});

test("perf events: only probes have a function", async () => {
  const events = await observe(
    traced("security_perf_event_alloc", 1),
    [{ type: "VALUE_PERF_EVENT", raw: 0 }],
    () => play("perf"),
  );
  const type = readFileSync("/sys/bus/event_source/devices/kprobe/type", "utf8").trim();
  assert.deepEqual(all(events, "perf_event"), [
    [{ perf_event_arg: { Type: "PERF_TYPE_SOFTWARE", Config: "2" } }],
    [{ perf_event_arg: { KprobeFunc: "do_sys_openat2", Type: type } }],
  ]);
});

test("modules", async () => {
  const loaded = await observe(
    traced("do_init_module", 1),
    [{ type: "VALUE_MODULE", raw: 0 }],
    () => spawnSync("modprobe", ["tunnel4"]),
  );
  assert.deepEqual(
    all(loaded, "module").map(([one]) => [one?.module_arg?.name, one?.module_arg?.tainted]),
    [["tunnel4", undefined]],
  );
});

test("a module that is being loaded, when its name is known", async () => {
  spawnSync("modprobe", ["-r", "tunnel4"]);
  const loading = await observe(
    traced("add_kallsyms", 2),
    [{ type: "VALUE_LOAD_INFO", raw: 1 }],
    () => spawnSync("modprobe", ["tunnel4"]),
  );
  assert.deepEqual(
    all(loading, "load_info").map(([one]) => [one?.module_arg?.name, one?.module_arg?.tainted]),
    [["tunnel4", undefined]],
  );
});

test("a system call's number, by its table", async () => {
  const calls = await observe(
    { kind: "raw_tp", target: "sys_enter", nargs: 2 },
    [{ type: "VALUE_SYSCALL", raw: 1 }],
    () => play("int80"),
  );
  const ids = all(calls, "syscall64").map(([one]) => one?.syscall_id);
  assert.ok(ids.some((one) => one?.id === 39 && one.abi === "x64")); // getpid
  assert.ok(ids.some((one) => one?.id === 20 && one.abi === "i386")); // getpid
  assert.ok(!ids.some((one) => one?.id === 20 && one.abi === "x64"));
});

test("memory that cannot be read is marked", async () => {
  const structures = [
    "USER_NS",
    "CRED",
    "BPF_ATTR",
    "BPF_PROG",
    "BPF_MAP",
    "PERF_EVENT",
    "MODULE",
    "LOAD_INFO",
    "CAPABILITIES",
  ];
  const [record] = await observe(
    { kind: "kprobe", target: "__x64_sys_ftruncate", nargs: 6, flags: 1 },
    structures.slice(0, 8).map((name) => ({ type: `VALUE_${name}`, raw: 1 })),
    () => play("ftruncate-odd"),
  );
  assert.equal(record?.args.length, 8);
  for (const arg of record?.args ?? []) assert.equal(arg.flags & unreadable, unreadable);
  const [set] = await observe(
    { kind: "kprobe", target: "__x64_sys_ftruncate", nargs: 6, flags: 1 },
    [{ type: "VALUE_CAPABILITIES", raw: 1 }],
    () => play("ftruncate-odd"),
  );
  assert.equal((set?.args[0]?.flags ?? 0) & unreadable, unreadable);
});
