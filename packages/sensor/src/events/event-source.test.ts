// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import {
  buildCgroup,
  buildClone,
  buildExec,
  buildExit,
  buildHook,
  execFlags,
  numberArg,
  pathArg,
  recordFlags,
  sockArg,
  textFlags,
  valueType,
} from "../../test/record-builder.ts";
import { createTestSensor } from "../../test/test-sensor.ts";
import { fact } from "../link/abi.gen.ts";
import { processFlag } from "../process/process-flags.ts";
import type { EventRule, EventRuleArg } from "./event-rule.ts";

const init = { pid: 1, start: 10n };
const shell = { pid: 100, start: 1_000n };
const child = { pid: 101, start: 2_000n };

const initTask = buildExec({
  task: true,
  time: 0n,
  process: init,
  parent: { pid: 0, start: 0n },
  path: "/sbin/init",
});
const shellExec = buildExec({
  time: 1_000n,
  process: shell,
  parent: init,
  filename: "/bin/sh",
  path: "/usr/bin/dash",
  arguments: ["sh", "-c", "echo hi"],
});

const rule = (args: readonly EventRuleArg["type"][], over: Partial<EventRule> = {}): EventRule => ({
  id: 7,
  policyName: "p",
  policyNamespace: "",
  functionName: "f",
  args: args.map((type) => ({ type, label: "" })),
  message: "",
  tags: [],
  eventKind: "process_kprobe",
  ...over,
});

const hook = { time: 3_000n, process: shell, parent: init, rule: 7 };

describe("processes", () => {
  it("follow the lineage, without a record for every fork", () => {
    const { take } = createTestSensor();
    take(initTask, shellExec);
    const [exec] = take(
      buildExec({
        time: 5n,
        process: { pid: 102, start: 5_000n },
        parent: child,
        path: "/bin/ls",
        previous: { pid: 102, start: 4_000n },
      }),
    );
    // Nobody told of 101: it is known by its key alone, and says so.
    expect(exec.process_exec.parent).toMatchObject({ pid: 101, flags: "unknown" });
    expect(exec.process_exec.process.parent_exec_id).toBe(exec.process_exec.parent.exec_id);
  });

  it("take over their parent's image when they fork", () => {
    const { take } = createTestSensor();
    take(initTask, shellExec, buildClone({ time: 2_500n, process: child, parent: shell, uid: 7 }));
    const [exit] = take(buildExit({ time: 3_000n, process: child, parent: shell, status: 3 << 8 }));
    const { process, parent, status, signal } = exit.process_exit;
    expect(process).toMatchObject({
      binary: "/bin/sh",
      arguments: '-c "echo hi"',
      flags: "execve",
      uid: 7,
    });
    expect(process.binary_properties).toBeUndefined();
    expect(parent.exec_id).toBe(process.parent_exec_id);
    expect([status, signal]).toEqual([3, undefined]);
  });

  it("are made up from an event's keys if the fork was not announced", () => {
    const { take } = createTestSensor({ rules: [rule([])] });
    take(initTask, shellExec);
    const [event] = take(buildHook({ ...hook, process: child, parent: shell, args: [] }));
    expect(event.process_kprobe.process).toMatchObject({
      pid: 101,
      binary: "/bin/sh",
      flags: "execve",
    });
    expect(event.process_kprobe.parent).toMatchObject({ pid: 100, binary: "/bin/sh" });
  });

  it("say so when the record of their exec was lost", () => {
    const { take, table } = createTestSensor({ rules: [rule([])] });
    take(initTask);
    const [event] = take(buildHook({ ...hook, flags: recordFlags.RECORD_EXECED, args: [] }));
    expect(event.process_kprobe.process).toMatchObject({ pid: 100, flags: "unknown" });
    expect(event.process_kprobe.process.binary).toBeUndefined();
    expect(event.process_kprobe.parent).toMatchObject({ pid: 1, binary: "/sbin/init" });
    expect(table.counters.missed).toBe(1);
  });

  it("have the flag clone at their first exec alone", () => {
    const { take } = createTestSensor();
    take(initTask, shellExec);
    const [second] = take(
      buildExec({
        time: 4n,
        process: { pid: 100, start: 4_000n },
        parent: init,
        previous: shell,
        path: "/bin/ls",
      }),
    );
    expect(second.process_exec.process.flags).toBe("execve rootcwd");
    const [third] = take(
      buildExec({
        time: 5n,
        process: { pid: 9, start: 9_000n },
        parent: init,
        previous: { pid: 9, start: 8_000n },
        path: "/bin/ls",
      }),
    );
    expect(third.process_exec.process.flags).toBe("execve rootcwd clone");
  });

  it("keep ancestors while descendants live, and forget them in the end", () => {
    let now = 0;
    const { take, table } = createTestSensor({ now: () => now, ancestors: new Set([1]) });
    take(initTask, shellExec);
    let parent = shell;
    for (let i = 0; i < 5; i++) {
      const process = { pid: 200 + i, start: BigInt(10_000 + i) };
      take(buildExec({ time: 1n, process, parent, path: `/bin/p${i}` }));
      take(buildExit({ time: 2n, process: parent, parent: init, status: 0 }));
      parent = process;
    }
    now = 3_600_000;
    table.collect();
    const [event] = take(
      buildExec({ time: 9n, process: { pid: 300, start: 99_000n }, parent, path: "/bin/last" }),
    );
    const binaries = event.process_exec.ancestors.map(({ binary }: { binary: string }) => binary);
    expect(binaries).toEqual([
      "/bin/p3",
      "/bin/p2",
      "/bin/p1",
      "/bin/p0",
      "/bin/sh",
      "/sbin/init",
      "<kernel>",
    ]);
    for (const process of [parent, { pid: 300, start: 99_000n }])
      take(buildExit({ time: 10n, process, parent, status: 0 }));
    now *= 2;
    // A generation each time: an entry is retired when its last child has gone.
    for (let i = 0; i < 10; i++, now += 3_600_000) table.collect();
    expect([...table.entries()].map(({ pid }) => pid).sort()).toEqual([0, 1]);
  });

  it("are bounded", () => {
    const { take, table } = createTestSensor({ maxEntries: 1024 });
    take(initTask);
    for (let i = 0; i < 5000; i++)
      take(
        buildExec({
          time: 1n,
          process: { pid: 10 + i, start: BigInt(1000 + i) },
          parent: init,
          path: "/bin/x",
        }),
      );
    expect(table.counters).toMatchObject({ size: 1024, evicted: 5000 + 2 - 1024 });
    expect([...table.entries()].length).toBe(1024);
    expect(table.find(1, 10, 0)?.binary).toBe("/sbin/init");
  });

  it("cannot fill the memory with long arguments", () => {
    const { take, table, lines } = createTestSensor();
    take(initTask);
    const long = "x".repeat(60_000);
    for (let i = 0; i < 1000; i++)
      take(
        buildExec({
          time: 1n,
          process: { pid: 10 + i, start: BigInt(1000 + i) },
          parent: init,
          path: "/bin/x",
          arguments: ["x", long],
        }),
      );
    expect(lines.at(-1)).toContain(long);
    const kept = [...table.entries()].reduce((sum, entry) => sum + entry.arguments.length, 0);
    expect(kept).toBeLessThan(16 * 2 ** 20 + 1000 * 4096 + 1);
    expect(table.find(10, 1000, 0)?.arguments.length).toBe(4096);
  });

  it("belong to the container their cgroup lies in", () => {
    const { take } = createTestSensor();
    const id = "0123456789abcdef".repeat(4);
    const mkdir = (self: bigint, parentId: bigint, path: string) =>
      buildCgroup({ time: 1n, process: init, parent: init, id: self, parentId, path });
    take(
      initTask,
      mkdir(50n, 1n, `/kubepods/cri-containerd-${id}.scope`),
      mkdir(51n, 50n, `/kubepods/cri-containerd-${id}.scope/nested`),
    );
    const [event] = take(
      buildExec({ time: 1n, process: shell, parent: init, path: "/bin/sh", cgroup: 51n }),
    );
    expect(event.process_exec.process.docker).toBe(id.slice(0, 31));
    expect(event.process_exec.parent.docker).toBeUndefined();
  });

  it("belong to the pod their cgroup lies in, with what is known of it by then", () => {
    const { take, cgroups } = createTestSensor();
    const uid = "0a1b2c3d-1111-2222-3333-0123456789ab";
    const id = "0123456789abcdef".repeat(4);
    const mkdir = (self: bigint, parentId: bigint, path: string) =>
      buildCgroup({ time: 1n, process: init, parent: init, id: self, parentId, path });
    take(
      initTask,
      mkdir(50n, 1n, `/kubepods/burstable/pod${uid}`),
      mkdir(51n, 50n, `/kubepods/burstable/pod${uid}/${id}`),
    );
    const exec = (start: bigint) =>
      buildExec({
        ...{ time: 1n, process: { pid: 77, start }, parent: init, path: "/bin/sh" },
        ...{ cgroup: 51n, nsPid: 7 },
      });
    const [before] = take(exec(10n));
    expect(before.process_exec.process.pod).toEqual({ uid, container: { id, pid: 7 } });
    cgroups.tell([{ uid, namespace: "shop", name: "web-0", labels: { app: "web" } }]);
    const pod = {
      namespace: "shop",
      name: "web-0",
      uid,
      container: { id, pid: 7 },
      pod_labels: { app: "web" },
    };
    const [exit] = take(
      buildExit({ time: 2n, process: { pid: 77, start: 10n }, parent: init, status: 0 }),
    );
    expect(exit.process_exit.process.pod).toEqual(pod);
    const [after] = take(exec(20n));
    expect(after.process_exec.process.pod).toEqual(pod);
    expect(after.process_exec.parent.pod).toBeUndefined();
    // A fork announces no pid of its own namespace: that of its parent would be wrong.
    const [forked] = take(
      buildClone({
        ...{ time: 3n, process: { pid: 78, start: 30n }, parent: { pid: 77, start: 20n } },
        cgroup: 51n,
      }),
      buildExit({
        ...{ time: 4n, process: { pid: 78, start: 30n }, parent: { pid: 77, start: 20n } },
        ...{ status: 0, cgroup: 51n },
      }),
    );
    expect(forked.process_exit.process.pod).toEqual({ ...pod, container: { id } });
  });

  it("show credentials and namespaces when asked to", () => {
    const { take } = createTestSensor({
      withCredentials: true,
      withNamespaces: true,
      hostNamespaces: [1, 2, 3, 4, 4, 5, 6, 6, 7, 8],
    });
    const [event] = take(
      buildExec({
        time: 1n,
        process: shell,
        parent: init,
        path: "/bin/su",
        flags: recordFlags.RECORD_IN_INIT_TREE,
        execFlags: execFlags.EXEC_SETUID | execFlags.EXEC_SECURE,
        credentials: { uid: 1000, euid: 0, permitted: 1n | (1n << 40n), securebits: 1 },
        namespaces: [1, 2, 33, 4, 4, 5, 0, 0, 7, 8],
      }),
    );
    const { process } = event.process_exec;
    expect(process.cap.permitted).toEqual(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]);
    expect(process.ns).toMatchObject({ uts: { inum: 1, is_host: true }, mnt: { inum: 33 } });
    expect(process.ns.time).toBeUndefined();
    expect(process.process_credentials).toMatchObject({
      uid: 1000,
      euid: 0,
      securebits: ["SecBitNoRoot"],
    });
    expect(process.binary_properties).toMatchObject({
      setuid: 0,
      privileges_changed: ["PRIVILEGES_RAISED_EXEC_FILE_SETUID"],
    });
    expect([process.in_init_tree, process.flags]).toEqual([true, "execve clone inInitTree"]);
  });

  it("say which processes ran before the policies of their pod, also if that turned out later", () => {
    const { take, table } = createTestSensor();
    const words = (event: { process: { flags: string } }) => event.process.flags;
    const early = { time: 1n, process: shell, parent: init, path: "/bin/sh" };
    const [marked] = take(buildExec({ ...early, execFlags: execFlags.EXEC_EARLY }));
    expect(words(marked.process_exec)).toBe("execve clone beforePolicies");
    const held = { pid: 200, start: 0x2_0000_0005n };
    const [before] = take(buildExec({ ...early, process: held, previous: { pid: 0, start: 0n } }));
    expect(words(before.process_exec)).toBe("execve rootcwd clone");
    table.find(200, 5, 2)?.addFlags(processFlag.beforePolicies);
    const child = { pid: 201, start: 0x2_0000_0009n };
    take(buildClone({ time: 2n, process: child, parent: held }));
    const exits = [held, child].map((process) =>
      buildExit({ time: 3n, process, parent: init, status: 0 }),
    );
    const [after, ofChild] = take(...exits);
    expect(words(after.process_exit)).toBe("execve rootcwd clone beforePolicies");
    expect(words(ofChild.process_exit)).toBe("execve beforePolicies");
  });

  it("name kernel threads and the kernel itself", () => {
    const { take } = createTestSensor();
    const [event] = take(
      buildExec({
        task: true,
        time: 0n,
        process: { pid: 2, start: 11n },
        parent: { pid: 0, start: 0n },
        path: "",
        filename: "kthreadd",
        cwd: "/",
        execFlags: execFlags.EXEC_KERNEL_THREAD,
      }),
    );
    expect(event.process_exec).toMatchObject({
      process: { pid: 2, binary: "[kthreadd]", flags: "procFS" },
      parent: {
        pid: 0,
        binary: "<kernel>",
        flags: "procFS",
        exec_id: Buffer.from("node:1:0").toString("base64"),
      },
    });
  });

  it("tell what is cut or could not be read", () => {
    const { take } = createTestSensor();
    const [event] = take(
      buildExec({
        time: 1n,
        process: shell,
        parent: init,
        path: { bytes: Buffer.from("/memfd:x"), flags: textFlags.TEXT_DELETED },
        filename: { bytes: Buffer.from("/dev/fd/3") },
        cwd: { bytes: Buffer.from(""), flags: textFlags.TEXT_UNREADABLE },
        arguments: { bytes: Buffer.from("a\0b\0c"), flags: textFlags.TEXT_TRUNCATED },
        links: 0,
        execFlags: 0,
      }),
    );
    expect(event.process_exec.process).toMatchObject({
      binary: "/dev/fd/3",
      flags: "execve truncArgs errorCWD clone",
      arguments: "b c",
      binary_properties: { file: { path: "/memfd:x", inode: { number: "42", links: 0 } } },
    });
  });
});

describe("exit", () => {
  it.each([
    [0, undefined, undefined],
    [137 << 8, undefined, 137],
    [9, "SIGKILL", undefined],
    [11 | 128, "SIGSEGV", undefined],
    [34, "SIGRTMIN+0", undefined],
    [64, "SIGRTMIN+30", undefined],
    [6, "SIGABRT", undefined],
  ])("status %d", (status, signal, code) => {
    const { take } = createTestSensor();
    take(initTask, shellExec);
    const [event] = take(buildExit({ time: 3_000n, process: shell, parent: init, status }));
    expect([event.process_exit.signal, event.process_exit.status]).toEqual([signal, code]);
  });
});

describe("arguments", () => {
  const one = (
    type: EventRuleArg["type"],
    arg: Parameters<typeof buildHook>[0]["args"][number],
  ) => {
    const { take } = createTestSensor({ rules: [rule([type])] });
    take(initTask, shellExec);
    const [event] = take(buildHook({ ...hook, args: [arg] }));
    return event.process_kprobe.args[0];
  };

  it.each([
    ["int8", valueType.VALUE_S8, -1, { int_arg: -1 }],
    ["uint8", valueType.VALUE_U8, 255, { uint_arg: 255 }],
    ["int", valueType.VALUE_S32, -(2 ** 31), { int_arg: -(2 ** 31) }],
    ["uint32", valueType.VALUE_U32, 2 ** 32 - 1, { uint_arg: 2 ** 32 - 1 }],
    ["int64", valueType.VALUE_U64, -5n, { long_arg: "-5" }],
    ["int64", valueType.VALUE_U64, 2n ** 62n, { long_arg: String(2n ** 62n) }],
    ["uint64", valueType.VALUE_U64, 2n ** 64n - 1n, { size_arg: "18446744073709551615" }],
    ["size_t", valueType.VALUE_U64, 4096, { size_arg: "4096" }],
    [
      "capability",
      valueType.VALUE_S32,
      21,
      { capability_arg: { value: 21, name: "CAP_SYS_ADMIN" } },
    ],
    ["capability", valueType.VALUE_S32, 0, { capability_arg: { value: 0, name: "CAP_CHOWN" } }],
    ["capability", valueType.VALUE_S32, 63, { capability_arg: { value: 63 } }],
    ["bpf_cmd", valueType.VALUE_S32, 0, { bpf_cmd_arg: "BPF_MAP_CREATE" }],
    ["bpf_cmd", valueType.VALUE_S32, 5, { bpf_cmd_arg: "BPF_PROG_LOAD" }],
    ["bpf_cmd", valueType.VALUE_S32, 99, { int_arg: 99 }],
    ["syscall64", valueType.VALUE_SYSCALL, 59, { syscall_id: { id: 59, abi: "x64" } }],
    ["syscall64", valueType.VALUE_SYSCALL, 0x8000_000bn, { syscall_id: { id: 11, abi: "i386" } }],
    [
      "kernel_cap_t",
      valueType.VALUE_CAPABILITIES,
      1n << 40n,
      { kernel_cap_t_arg: "0000010000000000" },
    ],
    ["cap_permitted", valueType.VALUE_CAPABILITIES, 5, { cap_permitted_arg: "0000000000000005" }],
  ] as const)("%s", (type, value, number, expected) => {
    expect(one(type, numberArg(value, number))).toEqual(expected);
  });

  it.each([
    ["file", valueType.VALUE_FILE, 0, { file_arg: { path: "/etc/x", permission: "-rw-r--r--" } }],
    [
      "fd",
      valueType.VALUE_FD,
      textFlags.TEXT_DELETED,
      { file_arg: { path: "/etc/x", flags: "deleted", permission: "-rw-r--r--" } },
    ],
    [
      "path",
      valueType.VALUE_PATH,
      textFlags.TEXT_TOO_DEEP,
      { path_arg: { path: "/etc/x", flags: "unresolvedPathComponents", permission: "-rw-r--r--" } },
    ],
    [
      "linux_binprm",
      valueType.VALUE_BINPRM,
      0,
      { linux_binprm_arg: { path: "/etc/x", permission: "-rw-r--r--" } },
    ],
    ["string", valueType.VALUE_STRING, 0, { string_arg: "/etc/x" }],
    ["string", valueType.VALUE_STRING, textFlags.TEXT_TRUNCATED, { string_arg: "/etc/x…" }],
    ["filename", valueType.VALUE_FILENAME, 0, { string_arg: "/etc/x" }],
  ] as const)("%s (flags)", (type, value, flags, expected) => {
    expect(one(type, pathArg(value, "/etc/x", 0o100644, flags))).toEqual(expected);
  });

  it("buffers, whole and cut", () => {
    expect(one("char_buf", pathArg(valueType.VALUE_BUFFER, Buffer.from([0, 255, 10]), 3))).toEqual({
      bytes_arg: "AP8K",
    });
    expect(one("char_buf", pathArg(valueType.VALUE_BUFFER, "abc", 9000))).toEqual({
      truncated_bytes_arg: { bytes_arg: "YWJj", orig_size: "9000" },
    });
  });

  /** A structure's numbers and text. */
  const structureArg = (type: number, numbers: readonly number[], content = "") => ({
    type,
    content: Buffer.concat([
      Buffer.from(new BigUint64Array(numbers.map(BigInt)).buffer),
      Buffer.from(content),
    ]),
  });

  it.each([
    [
      "bpf_prog",
      structureArg(valueType.VALUE_BPF_PROG, [29, 7], "hook__lsm"),
      { bpf_prog_arg: { ProgType: "BPF_PROG_TYPE_LSM", InsnCnt: 7, ProgName: "hook__lsm" } },
    ],
    [
      "bpf_map",
      structureArg(valueType.VALUE_BPF_MAP, [99, 4, 8, 1]),
      { bpf_map_arg: { MapType: "99", KeySize: 4, ValueSize: 8, MaxEntries: 1 } },
    ],
    [
      "load_info",
      structureArg(valueType.VALUE_LOAD_INFO, [1, 0x3000], "dummy"),
      {
        module_arg: {
          name: "dummy",
          signature_ok: true,
          tainted: ["TAINT_OUT_OF_TREE_MODULE", "TAINT_UNSIGNED_MODULE"],
        },
      },
    ],
    [
      "user_namespace",
      structureArg(valueType.VALUE_USER_NS, [1, 1000, 0, 4026532000]),
      { user_ns_arg: { level: 1, uid: 1000, gid: 0, ns: { inum: 4026532000 } } },
    ],
  ] as const)("%s", (type, arg, expected) => {
    expect(one(type, arg)).toEqual(expected);
  });

  it("of a rule that is no longer known", () => {
    const { take } = createTestSensor({ rules: [] });
    take(initTask, shellExec);
    const args = [
      structureArg(valueType.VALUE_MODULE, [0, 0], "dummy"),
      numberArg(valueType.VALUE_S32, 21),
    ];
    const [event] = take(buildHook({ ...hook, args }));
    expect(event.process_kprobe.args).toEqual([
      { module_arg: { name: "dummy", signature_ok: false } },
      { int_arg: 21 },
    ]);
  });

  it.each(["string", "char_buf", "file", "sock", "int", "capability", "module"] as const)(
    "%s that could not be read",
    (type) => {
      const arg = {
        type: valueType.VALUE_STRING,
        flags: textFlags.TEXT_UNREADABLE,
        content: new Uint8Array(),
      };
      expect(one(type, arg)).toEqual({
        error_arg: { Message: expect.stringMatching(/could not be read|cannot be read/) },
      });
    },
  );

  it.each([
    ["string", "no text: the pointer is null"],
    ["char_buf", "no buffer: the pointer is null"],
    ["file", "there is no file"],
    ["int", "no value: a pointer to it is null"],
    ["module", "no value: the pointer is null"],
  ] as const)("%s that does not exist", (type, message) => {
    const flags = textFlags.TEXT_UNREADABLE | textFlags.TEXT_ABSENT;
    const arg = { type: valueType.VALUE_STRING, flags, content: new Uint8Array() };
    expect(one(type, arg)).toEqual({ error_arg: { Message: message } });
  });

  const sock = {
    family: 10,
    type: 1,
    protocol: 262,
    state: 1,
    sport: 40_000,
    dport: 443,
    cookie: 5n,
  };
  const loopback = Buffer.from([...new Array(15).fill(0), 1]);

  it("sockets", () => {
    const arg = sockArg({
      ...sock,
      saddr: loopback,
      daddr: Buffer.from("20010db8000000000000000000000001", "hex"),
    });
    expect(one("sock", arg)).toEqual({
      sock_arg: {
        family: "AF_INET6",
        type: "SOCK_STREAM",
        protocol: "IPPROTO_MPTCP",
        saddr: "::1",
        daddr: "2001:db8::1",
        sport: 40_000,
        dport: 443,
        cookie: "5",
        state: "TCP_ESTABLISHED",
      },
    });
    const none = new Uint8Array();
    const nowhere = { saddr: Buffer.alloc(16), sport: 0, state: 7 };
    const denied = one("sock", sockArg({ ...sock, ...nowhere, daddr: loopback })).sock_arg;
    expect(denied).toMatchObject({ daddr: "::1", dport: 443 });
    expect([denied.saddr, denied.sport, denied.state]).toEqual([undefined, undefined, undefined]);
    const fresh = one("sock", sockArg({ ...sock, ...nowhere, daddr: none, dport: 0 })).sock_arg;
    expect(fresh).toMatchObject({ saddr: "::", state: "TCP_CLOSE" });
    expect(
      one("sock", sockArg({ ...sock, family: 1, protocol: 0, saddr: none, daddr: none })).sock_arg
        .saddr,
    ).toBeUndefined();
    expect(one("sockaddr", sockArg({ ...sock, saddr: loopback, daddr: loopback }))).toEqual({
      sockaddr_arg: { family: "AF_INET6", addr: "::1", port: 40_000 },
    });
  });

  it("keep their order and labels, whatever is skipped", () => {
    const spec = rule([], {
      args: [
        { type: "nop", label: "" },
        { type: "int", label: "mask" },
        { type: "nop", label: "" },
        { type: "string", label: 'a "b"' },
      ],
      returnArg: { type: "int", label: "r" },
    });
    const { take } = createTestSensor({ rules: [spec] });
    take(initTask, shellExec);
    const args = [numberArg(valueType.VALUE_S32, 4), pathArg(valueType.VALUE_STRING, "x")];
    const [event] = take(
      buildHook({
        ...hook,
        args: [...args, numberArg(valueType.VALUE_S32, -1, textFlags.ARG_RETURN)],
      }),
    );
    expect(event.process_kprobe.args).toEqual([
      { int_arg: 4, label: "mask" },
      { string_arg: "x", label: 'a "b"' },
    ]);
    expect(event.process_kprobe.return).toEqual({ int_arg: -1, label: "r" });
  });

  it("name the request that an action makes, if it is made, of the selector that matched", () => {
    const page = { action: "get-url", url: "http://canary.example/" } as const;
    const name = { action: "dns-lookup", name: "canary.example" } as const;
    const offered: unknown[] = [];
    const spec = rule([], {
      requests: [
        { selector: 1, request: page },
        { selector: 2, request: name },
      ],
    });
    const { take } = createTestSensor({
      rules: [spec],
      offerRequest: (request, asker) => {
        offered.push([request, asker]);
        return request.action === "dns-lookup";
      },
    });
    take(initTask, shellExec);
    const actionOf = (selector: number, over: Partial<Parameters<typeof buildHook>[0]> = {}) => {
      const [event] = take(buildHook({ ...hook, args: [], selector, ...over }));
      return event.process_kprobe.action;
    };
    expect(actionOf(0)).toBe("KPROBE_ACTION_POST");
    expect(offered).toEqual([]);
    expect(actionOf(1)).toBe("KPROBE_ACTION_POST");
    expect(actionOf(2)).toBe("KPROBE_ACTION_DNSLOOKUP");
    const asker = {
      policyName: spec.policyName,
      policyNamespace: spec.policyNamespace,
      pid: shell.pid,
    };
    expect(offered).toEqual([
      [page, asker],
      [name, asker],
    ]);
    const killed = { actions: 3, done: 2 };
    expect(actionOf(2, killed)).toBe("KPROBE_ACTION_SIGKILL");
    expect(offered.length).toBe(3);
  });

  it("say which of many functions was called, behind the arguments of the policy", () => {
    const spec = rule(["int", "nop"], { functionName: "list:l", functions: ["read", "write"] });
    const { take } = createTestSensor({ rules: [spec] });
    take(initTask, shellExec);
    const called = (at: number) => {
      const args = [numberArg(valueType.VALUE_S32, 5), numberArg(valueType.VALUE_U32, at)];
      const [event] = take(buildHook({ ...hook, args }));
      return [event.process_kprobe.function_name, event.process_kprobe.args];
    };
    expect(called(1)).toEqual(["write", [{ int_arg: 5 }]]);
    expect(called(0)).toEqual(["read", [{ int_arg: 5 }]]);
    expect(called(2)).toEqual(["list:l", [{ int_arg: 5 }]]);
  });

  it("say which facts were missing, beside the policy's own tags", () => {
    const { take } = createTestSensor({ rules: [{ ...rule([]), tags: ["own"] }] });
    take(initTask, shellExec);
    const tagsOf = (...facts: readonly number[]) => {
      const missing = facts.reduce((bits, one) => bits | (1 << one), 0);
      const flags = recordFlags.RECORD_EXECED | (recordFlags.RECORD_MISSING_FACT * missing);
      return take(buildHook({ ...hook, flags, args: [] }))[0].process_kprobe.tags;
    };
    const both = ["own", "gander.unknown.process", "gander.unknown.peer"];
    expect(tagsOf(fact.FACT_PROCESS, fact.FACT_PEER)).toEqual(both);
    expect(tagsOf()).toEqual(["own"]);
    expect(tagsOf(fact.FACT_NAME)).toEqual(["own", "gander.unknown.name"]);
  });

  it("of a rule that is gone are shown by what the record says", () => {
    const { take } = createTestSensor();
    take(initTask, shellExec);
    const [event] = take(
      buildHook({
        ...hook,
        rule: 99,
        args: [pathArg(valueType.VALUE_FILE, "/x"), numberArg(valueType.VALUE_S32, 2)],
      }),
    );
    expect(event.process_kprobe.args).toEqual([{ file_arg: { path: "/x" } }, { int_arg: 2 }]);
    expect(event.process_kprobe.message).toMatch(/no longer known/);
  });
});

describe("actions", () => {
  it.each([
    [0, "KPROBE_ACTION_POST", undefined],
    [2 | 8, "KPROBE_ACTION_SIGKILL", { int_arg: -1 }],
    [4, "KPROBE_ACTION_SIGNAL", undefined],
    [8, "KPROBE_ACTION_OVERRIDE", { int_arg: -1 }],
  ])("done %d is %s", (done, action, returned) => {
    const { take } = createTestSensor({
      rules: [rule([], { returnArg: { type: "int", label: "" } })],
    });
    take(initTask, shellExec);
    const [event] = take(buildHook({ ...hook, actions: 2, done, error: -1, args: [] }));
    expect([event.process_kprobe.action, event.process_kprobe.return]).toEqual([action, returned]);
  });

  it("of other kinds of hooks have their own shape", () => {
    const tracepoint = rule(["uint64"], {
      eventKind: "process_tracepoint",
      subsystem: "syscalls",
      event: "sys_enter_x",
      tags: ["t"],
      message: "m",
    });
    const lsm = rule(["file"], {
      id: 8,
      eventKind: "process_lsm",
      functionName: "file_open",
      tags: ["t"],
      message: "m",
    });
    const { take } = createTestSensor({ rules: [tracepoint, lsm] });
    take(initTask, shellExec);
    const [first] = take(buildHook({ ...hook, args: [numberArg(valueType.VALUE_U64, 1)] }));
    expect(first.process_tracepoint).toMatchObject({
      subsys: "syscalls",
      event: "sys_enter_x",
      policy_name: "p",
      message: "m",
      tags: ["t"],
      args: [{ size_arg: "1" }],
    });
    const [second] = take(
      buildHook({ ...hook, rule: 8, done: 8, args: [pathArg(valueType.VALUE_FILE, "/x")] }),
    );
    expect(second.process_lsm).toMatchObject({
      function_name: "file_open",
      action: "KPROBE_ACTION_OVERRIDE",
      tags: ["t"],
    });
    expect(second.process_lsm.return_action).toBeUndefined();
  });

  it("of a program's function have its place, and its return value among the arguments", () => {
    const uprobe = rule(["int"], {
      eventKind: "process_uprobe",
      path: "/usr/bin/x",
      functionName: "f",
      offset: 16,
      tags: ["t"],
      message: "m",
      returnArg: { type: "int64", label: "return" },
    });
    const { take } = createTestSensor({ rules: [uprobe] });
    take(initTask, shellExec);
    const returned = numberArg(valueType.VALUE_U64, -2, textFlags.ARG_RETURN);
    const args = [numberArg(valueType.VALUE_S32, 7), returned];
    const [event] = take(buildHook({ ...hook, done: 2, args }));
    expect(event.process_uprobe).toMatchObject({
      path: "/usr/bin/x",
      symbol: "f",
      offset: "16",
      policy_name: "p",
      message: "m",
      tags: ["t"],
      args: [{ int_arg: 7 }, { long_arg: "-2", label: "return" }],
    });
    expect(event.process_uprobe.data).toBeUndefined();
  });

  it("of a program's function have data behind all arguments, the return value included", () => {
    const data = (type: EventRuleArg["type"], source: string) => ({ type, label: "", source });
    const uprobe = rule([], {
      eventKind: "process_uprobe",
      path: "/usr/bin/x",
      args: [{ type: "int", label: "" }, data("int", "registers"), data("uint32", "current-task")],
      returnArg: { type: "int64", label: "return" },
    });
    const { take } = createTestSensor({ rules: [uprobe] });
    take(initTask, shellExec);
    const args = [7, 8, 9].map((number) => numberArg(valueType.VALUE_S32, number));
    const returned = numberArg(valueType.VALUE_U64, 5, textFlags.ARG_RETURN);
    const [event] = take(buildHook({ ...hook, args: [...args, returned] }));
    expect(event.process_uprobe.args).toEqual([{ int_arg: 7 }, { long_arg: "5", label: "return" }]);
    expect(event.process_uprobe.data).toEqual([{ int_arg: 8 }, { uint_arg: 9 }]);
  });
});

describe("static probes", () => {
  it("have their file, provider and name", () => {
    const usdt = rule(["int"], {
      eventKind: "process_usdt",
      path: "/usr/bin/x",
      functionName: "",
      subsystem: "shop",
      event: "sold",
      message: "m",
      tags: ["t"],
    });
    const { take } = createTestSensor({ rules: [usdt] });
    take(initTask, shellExec);
    const args = [numberArg(valueType.VALUE_S32, 7)];
    const [event] = take(buildHook({ ...hook, done: 2, args }));
    expect(event.process_usdt).toMatchObject({
      path: "/usr/bin/x",
      provider: "shop",
      name: "sold",
      policy_name: "p",
      message: "m",
      tags: ["t"],
      args: [{ int_arg: 7 }],
    });
  });
});

describe("files that are mapped", () => {
  const loader = rule(["file", "const_buf", "uint32"], { eventKind: "process_loader" });
  const id = Buffer.from("0123456789abcdef0123456789abcdef01234567", "hex");
  const eventOf = (buildId: ReturnType<typeof pathArg>, size: number) => {
    const { take } = createTestSensor({ rules: [loader] });
    take(initTask, shellExec);
    const file = pathArg(valueType.VALUE_FILE, Buffer.from("/usr/lib/libx.so"));
    const args = [file, buildId, numberArg(valueType.VALUE_U32, size)];
    const [event] = take(buildHook({ ...hook, args }));
    return event.process_loader;
  };
  const bytes = (content: Buffer) => pathArg(valueType.VALUE_BUFFER, content);

  it("have path and build ID, however long that is", () => {
    expect(eventOf(bytes(id), 20)).toMatchObject({
      process: { binary: "/bin/sh" },
      parent: {},
      path: "/usr/lib/libx.so",
      buildid: id.toString("base64"),
    });
    expect(eventOf(bytes(id), 16)?.buildid).toBe(id.subarray(0, 16).toString("base64"));
  });

  it("have no build ID if the file has none", () => {
    expect(eventOf(bytes(Buffer.alloc(20)), 0)).not.toHaveProperty("buildid");
  });
});

describe("hostile text", () => {
  const nasty = [
    Buffer.from("\u001b[31mred\u001b[0m\u0007"),
    Buffer.from('a\nb\r\n{"process_exec":{}}'),
    Buffer.from([0xff, 0xfe, 0x2f, 0x80, 0xc3]),
    Buffer.from('quote " backslash \\ \u007f \u0085 \u2028 \u202e'),
    Buffer.alloc(60_000, "A\u001b"),
    Buffer.alloc(60_000, 0xff),
    Buffer.from("\ufeffé日本🚀"),
  ];

  it.each(nasty.map((bytes, index) => [index, bytes] as const))("%d", (_, bytes) => {
    const { take, lines } = createTestSensor({ rules: [rule(["string", "file"])] });
    const valid = bytes.toString("utf8");
    const text = isUtf8(bytes) ? valid : valid.replaceAll(/\ufffd+/g, "\ufffd");
    const [exec] = take(
      initTask,
      buildExec({
        time: 1n,
        process: shell,
        parent: init,
        path: { bytes },
        filename: { bytes },
        cwd: { bytes },
        arguments: { bytes: Buffer.concat([Buffer.from("x\0"), bytes]) },
      }),
    ).slice(-1);
    expect(exec.process_exec.process.cwd).toBe(text);
    expect(exec.process_exec.process.arguments).toBe(text.includes(" ") ? `"${text}"` : text);
    const [event] = take(
      buildHook({
        ...hook,
        args: [pathArg(valueType.VALUE_STRING, bytes), pathArg(valueType.VALUE_FILE, bytes)],
      }),
    );
    expect(event.process_kprobe.args).toEqual([{ string_arg: text }, { file_arg: { path: text } }]);
    for (const line of lines) expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
  });
});

describe("a record of an unknown type", () => {
  it("is counted", () => {
    const { take, source } = createTestSensor();
    const record = Buffer.from(shellExec);
    record.writeUInt16LE(77, 0);
    expect(take(record)).toEqual([]);
    expect(source.unknownRecords()).toBe(1);
  });
});
