// SPDX-License-Identifier: Apache-2.0

import type { FollowedPath } from "@gander/btf";
import {
  belongsTo,
  type CompiledArg,
  type CompiledHook,
  type CompiledSelector,
  chooseFunctions,
  describeHookPoint,
  hookPointKey,
  type ProbeArgument,
  type ProbeSite,
  type ProgramFile,
  type Prototype,
} from "@gander/policy";
import { describe, expect, it } from "vitest";
import { action, limits, ruleFlags, slotFlags, valueType } from "../link/abi.gen.ts";
import type { PlannedRule } from "../link/planned-rule.ts";
import { type AttachPlan, planHook } from "./attach-plan.ts";
import type { PlanFacts } from "./plan-facts.ts";

// Prototypes as BTF of 6.1 and 6.12 has them.
const functions: Record<string, string> = {
  security_file_permission: "int (struct file * file, int mask)",
  bpf_lsm_file_permission: "int (struct file * file, int mask)",
  security_bprm_check: "int (struct linux_binprm * bprm)",
  bpf_lsm_bprm_check_security: "int (struct linux_binprm * bprm)",
  security_getprocattr:
    "int (struct task_struct * p, int lsmid, const char * name, char * * value)",
  bpf_lsm_getprocattr: "int (struct task_struct * p, const char * name, char * * value)",
  security_mmap_file: "int (struct file * file, long unsigned int prot, long unsigned int flags)",
  bpf_lsm_mmap_file:
    "int (struct file * file, long unsigned int reqprot, long unsigned int prot, long unsigned int flags)",
  security_inode_setattr:
    "int (struct user_namespace * mnt_userns, struct dentry * dentry, struct iattr * attr)",
  bpf_lsm_inode_setattr: "int (struct dentry * dentry, struct iattr * attr)",
  tcp_connect: "int (struct sock * sk)",
  bpf_lsm_socket_connect: "int (struct socket * sock, struct sockaddr * address, int addrlen)",
  bpf_lsm_socket_sendmsg: "int (struct socket * sock, struct msghdr * msg, int size)",
  fd_install: "void (unsigned int fd, struct file * file)",
  __x64_sys_openat: "long int (const struct pt_regs * regs)",
};

function prototype(name: string): Prototype | undefined {
  const [, returnType = "", list = ""] = /^(.*?) \((.*)\)$/.exec(functions[name] ?? "") ?? [];
  if (returnType === "") return undefined;
  const parameters = list.split(", ").map((one) => {
    const [, type = "", parameter = ""] = /^(.*?) ?(\w+)$/.exec(one) ?? [];
    return { name: parameter, type, typeId: 0 };
  });
  return { name, returnType, parameters };
}

const facts: PlanFacts = {
  followPath: () => undefined,
  release: "6.12.0",
  activeLsms: ["lockdown", "capability", "yama", "apparmor", "bpf"],
  prototype,
  isTraceable: () => true,
  hasSymbol: (name) => functions[name] !== undefined || name === "only_a_symbol",
  matchingFunctions: (set) => chooseFunctions(Object.keys(functions).filter(belongsTo(set)), true),
  tracepointFormat: (subsystem, event) =>
    `${subsystem}/${event}` === "syscalls/sys_enter_openat"
      ? {
          id: 1,
          fields: [
            {
              name: "common_type",
              type: "unsigned short",
              offsetBytes: 0,
              sizeBytes: 2,
              signed: false,
            },
            {
              name: "filename",
              type: "const char *",
              offsetBytes: 24,
              sizeBytes: 8,
              signed: false,
            },
            { name: "comm", type: "char[16]", offsetBytes: 32, sizeBytes: 16, signed: false },
          ],
        }
      : undefined,
  rawTracepoint: (event) =>
    event === "sched_switch"
      ? {
          name: event,
          returnType: "void",
          parameters: [{ name: "preempt", type: "bool", typeId: 0 }],
        }
      : undefined,
  hostNamespace: () => 1n,
  similarFunction: (name) => (name.includes("permision") ? "security_file_permission" : undefined),
  similarTracepoint: () => "syscalls/sys_enter_openat",
};

function arg(index: number, type: CompiledArg["type"]): CompiledArg {
  return { index, type, label: "", returnCopy: false };
}

function selector(...actions: CompiledSelector["actions"]): CompiledSelector {
  return { index: 0, label: "", filters: [], returnFilters: [], actions, returnActions: [] };
}

const kill = selector({ action: "sigkill" });

function hook(part: Partial<CompiledHook>): CompiledHook {
  return {
    kind: "kprobe",
    target: "security_file_permission",
    syscall: false,
    raw: false,
    path: "spec.kprobes[0]",
    index: 0,
    ignoreCallNotFound: false,
    message: "",
    tags: [],
    args: [arg(0, "file"), arg(1, "int")],
    selectors: [selector()],
    ...part,
  };
}

function rulesOf(plan: AttachPlan): readonly PlannedRule[] {
  if (plan.refusals !== undefined)
    throw new Error(plan.refusals.map(({ message }) => message).join("; "));
  return plan.rules;
}

function places(part: Partial<CompiledHook>, other: Partial<PlanFacts> = {}): string[] {
  return rulesOf(planHook(hook(part), { ...facts, ...other })).map(({ point }) =>
    describeHookPoint(point),
  );
}

function refusal(part: Partial<CompiledHook>, other: Partial<PlanFacts> = {}): string {
  const { refusals } = planHook(hook(part), { ...facts, ...other });
  return refusals?.map(({ message, hint }) => `${message} | ${hint}`).join("\n") ?? "not refused";
}

const returning = { returnArg: arg(0, "int") };
const withoutBpf = { activeLsms: ["capability", "apparmor"] };
/** As kernels since 6.12 do. */
const checkingReturns: Partial<PlanFacts> = {
  prototype: (name) =>
    name === "bpf_lsm_get_retval_range"
      ? { name, returnType: "int", parameters: [] }
      : prototype(name),
};
const socket = { target: "tcp_connect", args: [arg(0, "sock")] };

/** Where writes are decided: those of processes, and those of the kernel when one dumps core. */
const writes = (kind: string) => [
  `${kind} program on security_file_permission`,
  `${kind} program on security_inode_setattr`,
];
const lsmWrites = ["LSM program on file_permission", "LSM program on inode_setattr"];

describe("enforcers", () => {
  const notify = selector({ action: "notify-enforcer", error: -13, signal: 9 });
  const marked = (...actions: CompiledSelector["actions"]): Partial<CompiledHook> => ({
    args: [],
    selectors: [
      {
        ...selector(...actions, { action: "no-post" }),
        filters: [{ on: "marked", error: -13, signal: 9 }],
      },
    ],
  });

  it("are notified where the call is seen, which is not weak", () => {
    expect(places({ selectors: [notify] })).toEqual(writes("fentry"));
    expect(places({ ...socket, selectors: [notify] })).toEqual(["fentry program on tcp_connect"]);
    const plan = planHook(hook({ ...socket, selectors: [notify] }), facts);
    expect(plan.refusals === undefined && plan.weaknesses).toEqual([]);
    expect(rulesOf(plan)[0]?.selectors[0]?.verdict).toMatchObject({
      actions: action.ACTION_MARK_CALL | action.ACTION_POST,
      error: 0,
      signal: 0,
      mark: (13 << 8) | 9,
    });
  });

  it("are notified once, at the entry of a function with a return value", () => {
    const entry = { ...socket, returnArg: arg(0, "int") };
    const verdicts = (one: CompiledSelector) =>
      rulesOf(planHook(hook({ ...entry, selectors: [one] }), facts)).map(
        ({ selectors }) => selectors[0]?.verdict,
      );
    const bit = action.ACTION_MARK_CALL;
    const [before, after] = verdicts(notify);
    expect([before?.actions, before?.mark]).toEqual([bit, (13 << 8) | 9]);
    expect([(after?.actions ?? 0) & bit, after?.mark]).toEqual([bit, undefined]);
    const late = { action: "notify-enforcer", error: -1, signal: 0 } as const;
    expect(verdicts({ ...notify, returnActions: [late] }).map((one) => one?.mark)).toEqual([
      (13 << 8) | 9,
      1 << 8,
    ]);
  });

  it("deny where the call can be denied", () => {
    const deny = marked({ action: "override", error: -13 }, { action: "sigkill" });
    const plan = planHook(hook(deny), facts);
    expect(rulesOf(plan).map(({ point }) => describeHookPoint(point))).toEqual(lsmWrites);
    expect(rulesOf(plan)[0]?.selectors[0]?.verdict).toMatchObject({
      actions: action.ACTION_DENY | action.ACTION_KILL,
      error: -13,
    });
    const syscall = { target: "sys_openat", syscall: true };
    expect(refusal({ ...deny, ...syscall })).toContain("bpf_override_return");
    const kills = planHook(hook({ ...marked({ action: "sigkill" }), ...syscall }), facts);
    expect(kills.refusals === undefined && kills.weaknesses).toHaveLength(1);
  });
});

describe("planHook", () => {
  it.each<[string, Partial<CompiledHook>, Partial<PlanFacts>, string[]]>([
    ["observes a security function", {}, {}, writes("fentry")],
    ["observes it with its result", returning, {}, writes("fexit")],
    ["kills at a security function", { selectors: [kill] }, {}, lsmWrites],
    ["kills and posts the result", { selectors: [kill], ...returning }, {}, lsmWrites],
    [
      "knows hooks of another name",
      { target: "security_bprm_check", args: [arg(0, "linux_binprm")], selectors: [kill] },
      {},
      ["LSM program on bprm_check_security"],
    ],
    ["denies without LSM programs", { selectors: [kill] }, withoutBpf, writes("fmod_ret")],
    [
      "needs an argument that the LSM hook lacks",
      { target: "security_inode_setattr", args: [arg(0, "nop")], selectors: [kill] },
      {},
      ["fmod_ret program on security_inode_setattr"],
    ],
    [
      "decides at an LSM hook that older kernels let anything decide at",
      { target: "security_getprocattr", args: [], selectors: [kill] },
      {},
      ["LSM program on getprocattr"],
    ],
    [
      "does without an LSM hook that takes no programs",
      { target: "security_getprocattr", args: [], selectors: [kill] },
      checkingReturns,
      ["fmod_ret program on security_getprocattr"],
    ],
    ["observes a connection", socket, {}, ["fentry program on tcp_connect"]],
    [
      "prevents a connection",
      { ...socket, selectors: [kill] },
      {},
      [
        "fentry program on tcp_connect",
        "LSM program on socket_connect",
        "LSM program on socket_sendmsg",
      ],
    ],
    [
      "prevents it without LSM programs",
      { ...socket, selectors: [kill] },
      withoutBpf,
      [
        "fentry program on tcp_connect",
        "fmod_ret program on security_socket_connect",
        "fmod_ret program on security_socket_sendmsg",
      ],
    ],
    ["falls back to a kprobe", { target: "only_a_symbol" }, {}, ["kprobe on only_a_symbol"]],
    [
      "uses a kretprobe for a result alone",
      { target: "only_a_symbol", args: [], ...returning },
      {},
      ["kretprobe on only_a_symbol"],
    ],
    [
      "kills early where the event waits for the result",
      { target: "fd_install", args: [], selectors: [kill], ...returning },
      {},
      ["fentry program on fd_install", "fexit program on fd_install"],
    ],
    [
      "hooks a system call",
      { target: "sys_openat", syscall: true, args: [arg(1, "string")] },
      {},
      ["fentry program on __x64_sys_openat"],
    ],
    [
      "hooks a tracepoint",
      { kind: "tracepoint", target: "syscalls/sys_enter_openat", args: [arg(1, "string")] },
      {},
      ["tracepoint on syscalls/sys_enter_openat"],
    ],
    [
      "hooks a raw tracepoint",
      { kind: "tracepoint", target: "sched/sched_switch", raw: true, args: [] },
      {},
      ["raw tracepoint on sched_switch"],
    ],
    ["hooks LSM", { kind: "lsm", target: "file_permission" }, {}, lsmWrites],
  ])("%s", (_, part, other, expected) => {
    expect(places(part, other)).toEqual(expected);
  });

  it.each<[string, Partial<CompiledHook>, Partial<PlanFacts>, RegExp]>([
    [
      "an unknown function",
      { target: "security_file_permision" },
      {},
      /no function security_file_permision \| Did you mean security_file_permission\?/,
    ],
    [
      "an unknown system call",
      { target: "sys_opennat", syscall: true },
      {},
      /no system call sys_opennat \(function __x64_sys_opennat\)/,
    ],
    [
      "an unknown tracepoint",
      { kind: "tracepoint", target: "syscalls/sys_enter_open_at" },
      {},
      /Did you mean syscalls\/sys_enter_openat/,
    ],
    [
      "a tracepoint's missing field",
      { kind: "tracepoint", target: "syscalls/sys_enter_openat", args: [arg(7, "int")] },
      {},
      /argument 7 .* its fields are 0: unsigned short common_type, 1: const char \* filename/,
    ],
    [
      "LSM hooks without LSM programs",
      { kind: "lsm", target: "file_permission" },
      withoutBpf,
      /`bpf` is not an active LSM \(active: capability,apparmor\) \| .*lsm=apparmor,bpf/,
    ],
    [
      "an override of a system call",
      {
        target: "sys_openat",
        syscall: true,
        args: [],
        selectors: [selector({ action: "override", error: -1 })],
      },
      {},
      /cannot be made to fail/,
    ],
    [
      "a kernel pointer in a system call",
      { target: "sys_openat", syscall: true, args: [arg(1, "file")] },
      {},
      /argument 1 of sys_openat cannot be read as file/,
    ],
    [
      "a connection that nothing can prevent",
      { ...socket, selectors: [kill] },
      { ...withoutBpf, isTraceable: (name) => name === "tcp_connect" },
      /cannot be prevented on this kernel/,
    ],
    [
      "arguments and result by probes",
      { target: "only_a_symbol", ...returning },
      {},
      /cannot be seen with its arguments and its return value at once/,
    ],
    [
      "an override that nothing can do",
      { selectors: [selector({ action: "override", error: -1 })] },
      { ...withoutBpf, isTraceable: () => false },
      /nothing can make security_file_permission fail/,
    ],
    [
      "to deny at a function that returns nothing",
      {
        ...{ target: "security_file_free", args: [] },
        selectors: [selector({ action: "override", error: -1 })],
      },
      { prototype: (name) => ({ name, returnType: "void", parameters: [] }) },
      /nothing can make security_file_free fail: it returns no error/,
    ],
    [
      "an LSM hook that takes no programs",
      { kind: "lsm", target: "getprocattr", args: [] },
      checkingReturns,
      /no program be attached to the LSM hook getprocattr \| Hook the function `security_/,
    ],
  ])("refuses %s", (_, part, other, expected) => {
    expect(refusal(part, other)).toMatch(expected);
  });

  it("denies where it kills at a security function", () => {
    const [rule] = rulesOf(planHook(hook({ selectors: [kill] }), facts));
    expect(rule?.selectors[0]?.verdict).toMatchObject({
      actions: action.ACTION_POST | action.ACTION_KILL | action.ACTION_DENY,
      error: -1,
    });
  });

  it("denies with the error of Override", () => {
    const [rule] = rulesOf(
      planHook(
        hook({ selectors: [selector({ action: "override", error: -13 }, { action: "no-post" })] }),
        facts,
      ),
    );
    expect(rule?.selectors[0]?.verdict).toMatchObject({ actions: action.ACTION_DENY, error: -13 });
  });

  it("says that a signal elsewhere doesn't stop the call", () => {
    const plan = planHook(hook({ target: "fd_install", args: [], selectors: [kill] }), facts);
    expect(plan.refusals === undefined && plan.weaknesses[0]).toMatch(
      /does not stop the call in progress/,
    );
  });

  it("decides return filters beforehand where the program makes the result", () => {
    const returned = (value: bigint): CompiledSelector => ({
      ...kill,
      returnFilters: [
        { on: "arg", arg: "return", test: { op: "equal", negate: false, values: [value] } },
      ],
    });
    const [rule] = rulesOf(
      planHook(hook({ selectors: [returned(-1n), returned(0n)], ...returning }), facts),
    );
    const deny = action.ACTION_KILL | action.ACTION_DENY;
    expect(rule?.selectors.map(({ verdict }) => verdict.actions)).toEqual([
      deny | action.ACTION_POST,
      deny,
    ]);
  });

  it("lets companions of a connection speak only where they enforce", () => {
    const [main, connect, sendmsg] = rulesOf(
      planHook(hook({ ...socket, selectors: [selector(), kill] }), facts),
    );
    expect(main?.onlyWhenEnforcing).toBe(false);
    expect([connect, sendmsg].map((rule) => rule?.onlyWhenEnforcing)).toEqual([true, true]);
    const companion = ruleFlags.RULE_ENFORCER | ruleFlags.RULE_STREAM_SOCKETS;
    expect(connect?.flags).toBe(companion);
    expect(sendmsg?.flags).toBe(companion | ruleFlags.RULE_FAST_OPEN);
    expect(connect?.selectors.map(({ verdict }) => verdict.actions)).toEqual([
      0,
      action.ACTION_POST | action.ACTION_KILL | action.ACTION_DENY,
    ]);
    expect(connect?.args[0]?.slot).toMatchObject({
      type: valueType.VALUE_SOCK_TO_ADDR,
      raw: 0,
      sizeRaw: 1,
      size: 2,
    });
    expect(sendmsg?.args[0]?.slot.flags).toBe(slotFlags.SLOT_MESSAGE);
  });

  it.each<[string, Partial<PlanFacts>, number]>([
    ["an LSM program", {}, 1],
    ["fmod_ret", withoutBpf, 2],
  ])("decides on core dumps where the file is emptied: %s", (_, other, attributes) => {
    const plan = planHook(hook({ selectors: [kill] }), { ...facts, ...other });
    const [main, dump] = rulesOf(plan);
    expect(dump?.flags).toBe(ruleFlags.RULE_CORE_DUMPS);
    expect(dump?.onlyWhenEnforcing).toBe(false);
    expect(dump?.selectors).toEqual(main?.selectors);
    expect(dump?.args.map(({ slot, signed }) => [slot.type, slot.raw, signed])).toEqual([
      [valueType.VALUE_ATTR_FILE, attributes, false],
      [valueType.VALUE_S32, limits.RAW_MAY_WRITE, true],
    ]);
  });

  it("reads values behind a file and behind the task at each place", () => {
    const found = (dereferences: readonly number[], offset: number): FollowedPath => {
      const value = { kind: "integer", size: 4, signed: false, bits: 32, shift: 0 } as const;
      return { dereferences, offset, type: "unsigned int", value };
    };
    const followPath: PlanFacts["followPath"] = (root, path) =>
      path === "ia_file" ? found([], 80) : "value" in root ? found([32], 12) : found([], 16);
    const args: CompiledArg[] = [
      { ...arg(0, "auto"), resolve: "f_inode.i_uid.val" },
      arg(1, "int"),
      { ...arg(0, "int"), source: "current-task", resolve: "tgid" },
    ];
    const rules = rulesOf(planHook(hook({ args, selectors: [kill] }), { ...facts, followPath }));
    const ways = rules.map((rule) =>
      rule.args.map(({ slot: { raw, size, flags, route } }) => {
        if (route === undefined) return [raw];
        expect([raw, flags]).toEqual([limits.RAW_ROUTE, slotFlags.SLOT_DISTANT]);
        return [size, route.source, ...route.dereferences, route.offset];
      }),
    );
    const task = [0, "current-task", 16];
    expect(ways).toEqual([
      [[0, "argument", 32, 12], [1], task],
      // There the file is a member of the second argument.
      [[1, "argument", 80, 32, 12], [limits.RAW_MAY_WRITE], task],
    ]);
  });

  it("sees registers by a probe, which can only send signals", () => {
    const inRegisters = (type: CompiledArg["type"], resolve: string): CompiledArg => ({
      ...arg(0, type),
      ...{ source: "registers", resolve },
    });
    const args = [inRegisters("string", "rsi"), inRegisters("int8", "ah")];
    const entry = hook({ target: "security_bprm_check", args, selectors: [kill] });
    const plan = planHook(entry, facts);
    expect(rulesOf(plan).map(({ point }) => describeHookPoint(point))).toEqual([
      "kprobe on security_bprm_check",
    ]);
    expect(plan.rules && plan.weaknesses).toEqual([
      "a signal at security_bprm_check ends the process but does not stop the call in progress",
    ]);
    const slotsOf = (changes: Partial<CompiledHook>) =>
      rulesOf(planHook(hook({ args, ...changes }), facts))[0]?.args.map(
        ({ slot: { type, raw, flags, route }, signed }) => {
          const { source, dereferences = [], offset, size } = route ?? {};
          return [type, raw, flags, signed, source, ...dereferences, offset, size];
        },
      );
    const number = [valueType.VALUE_S8, limits.RAW_ROUTE, slotFlags.SLOT_DISTANT, true];
    const text = (type: number) => [type, limits.RAW_ROUTE, 0, false, "registers", 104, 0, 0];
    expect(slotsOf({})).toEqual([text(valueType.VALUE_STRING), [...number, "registers", 81, 1]]);
    // Those of the kernel's function, whatever the arguments of the call are.
    expect(slotsOf({ target: "sys_openat", syscall: true })?.[0]).toEqual(
      text(valueType.VALUE_STRING),
    );
  });

  it("reads what is behind the task from the kernel, at system calls, too", () => {
    const followPath: PlanFacts["followPath"] = () => ({
      ...{ dereferences: [8], offset: 16, type: "struct file *" },
      value: { kind: "pointer" },
    });
    const args: CompiledArg[] = [{ ...arg(0, "file"), source: "current-task", resolve: "file" }];
    const call = hook({ target: "sys_openat", syscall: true, args });
    const [rule] = rulesOf(planHook(call, { ...facts, followPath }));
    expect(rule?.args.map(({ slot: { type, route } }) => [type, route?.source])).toEqual([
      [valueType.VALUE_FILE, "current-task"],
    ]);
  });

  it("says so where core dumps can't be seen", () => {
    const unseen: Partial<PlanFacts> = {
      prototype: (name) => (name.endsWith("inode_setattr") ? undefined : prototype(name)),
    };
    expect(places({ selectors: [kill] }, unseen)).toEqual(["LSM program on file_permission"]);
    const plan = planHook(hook({ selectors: [kill] }), { ...facts, ...unseen });
    expect(plan).toMatchObject({
      weaknesses: [expect.stringMatching(/core is neither seen nor prevented/)],
    });
  });

  it("finds an LSM hook's argument by its name", () => {
    const args = [arg(0, "file"), arg(1, "uint64"), arg(2, "uint64")];
    const [rule] = rulesOf(
      planHook(hook({ target: "security_mmap_file", args, selectors: [kill] }), facts),
    );
    expect(rule?.args.map(({ slot }) => slot.raw)).toEqual([0, 1, 3]);
  });

  it("reads texts in a tracepoint's record where they are", () => {
    const args = [arg(1, "string"), arg(2, "string")];
    const [rule] = rulesOf(
      planHook(hook({ kind: "tracepoint", target: "syscalls/sys_enter_openat", args }), facts),
    );
    expect(rule?.args.map(({ slot }) => [slot.type, slot.raw, slot.size, slot.flags])).toEqual([
      [valueType.VALUE_USER_STRING, 24, 8, 0],
      [valueType.VALUE_STRING, 32, 16, slotFlags.SLOT_IN_PLACE],
    ]);
  });

  it("reads the bytes of an array in a tracepoint's record", () => {
    const planned = (args: readonly CompiledArg[]) =>
      planHook(hook({ kind: "tracepoint", target: "syscalls/sys_enter_openat", args }), facts);
    const [rule] = rulesOf(planned([arg(2, "const_buf")]));
    expect(rule?.args.map(({ slot }) => [slot.type, slot.raw, slot.size, slot.flags])).toEqual([
      [valueType.VALUE_BUFFER, 32, 16, slotFlags.SLOT_IN_PLACE],
    ]);
    for (const wrong of [arg(1, "const_buf"), arg(2, "data_loc")])
      expect(planned([wrong]).refusals?.map(({ message }) => message)).toEqual([
        expect.stringContaining(`cannot be read as ${wrong.type}; its fields are`),
      ]);
  });

  it("compares types with the kernel's prototype", () => {
    const wrong = planHook(hook({ args: [arg(0, "path")] }), facts);
    expect(wrong.refusals?.map(({ message }) => message)).toEqual([
      "argument 0 of security_file_permission is a struct file *, not a path",
    ]);
    const wide = planHook(hook({ args: [arg(0, "file"), arg(1, "uint64")] }), facts);
    expect(wide.refusals).toBeUndefined();
    expect(wide.rules && wide.weaknesses).toEqual([
      "argument 1 of security_file_permission is a int, which is not as wide as uint64",
    ]);
  });
});

const inRegister: ProbeArgument = {
  ...{ in: "register", register: "rdi", skip: 0 },
  ...{ size: 4, signed: true },
};
const onStack: ProbeArgument = {
  ...{ in: "memory", base: "rbp", shift: 0, displacement: -8 },
  ...{ size: 8, signed: false },
};
const unread: ProbeArgument = { in: "nothing", text: "8@%xmm0", why: "of reasons" };
const sites: readonly ProbeSite[] = [
  { offset: 0x10, counter: 0, args: [inRegister, onStack, unread] },
  { offset: 0x20, counter: 0x30, args: [onStack, onStack, unread] },
  { offset: 0x40, counter: 0, args: [inRegister, onStack, unread] },
];

describe("functions of programs", () => {
  const found: ProgramFile = {
    version: "0123456789abcdef",
    isGo: false,
    digests: new Set(["sha256:ab"]),
    place: ({ name }) =>
      name === "begins"
        ? { offset: 0x10, address: 0x1010 }
        : { problem: `no ${name}`, hint: "Write begins" },
    probe: ({ name }) =>
      name === "shop:sold" ? { sites } : { problem: `no ${name}`, hint: "Write sold" },
  };
  const uprobe = (part: Partial<CompiledHook> = {}): Partial<CompiledHook> => ({
    kind: "uprobe",
    target: "/bin/a.b:begins",
    program: { path: "/bin/a.b", by: "symbol" },
    path: "spec.uprobes[0]",
    args: [arg(0, "string"), arg(1, "int")],
    ...part,
  });
  const on = (file: ProgramFile) => ({ program: () => file });

  it("are hooked at a place in the file, whatever its name", () => {
    const [rule] = rulesOf(planHook(hook(uprobe()), { ...facts, ...on(found) }));
    expect(rule?.point.file).toEqual({
      path: "/bin/a.b",
      version: "0123456789abcdef",
      offset: 0x10,
    });
    expect(rule && hookPointKey(rule.point)).toBe("uprobe:a_b:0123456789abcdef:10");
    expect(rule?.args.map(({ slot }) => slot.type)).toEqual([
      valueType.VALUE_USER_STRING,
      valueType.VALUE_S32,
    ]);
  });

  it.each<[string, Partial<CompiledHook>, string[]]>([
    ["at the beginning", {}, ["uprobe"]],
    ["at the return", returning, ["uretprobe"]],
    ["to be killed at the beginning", { ...returning, selectors: [kill] }, ["uprobe", "uretprobe"]],
  ])("%s", (_, part, kinds) => {
    expect(places(uprobe(part), on(found))).toEqual(
      kinds.map((kind) => `${kind} on /bin/a.b:begins`),
    );
  });

  it("are hooked in a file with one of the digests", () => {
    const digests = ["sha256:cd", "sha256:ab"];
    const program = { path: "/bin/a.b", by: "symbol", digests } as const;
    expect(places(uprobe({ program }), on(found))).toEqual(["uprobe on /bin/a.b:begins"]);
  });

  it("are not known of another machine", () => {
    expect(places(uprobe())).toEqual([]);
  });

  it.each<[string, Partial<CompiledHook>, ProgramFile, string]>([
    ["a missing file", {}, { problem: "no file", hint: "h" }, "no file | h"],
    ["a missing function", { target: "/bin/a.b:x" }, found, "no x | Write begins"],
    [
      "another content",
      { program: { path: "/bin/a.b", by: "symbol", digests: ["sha256:cd"] } },
      found,
      "/bin/a.b has none of the policy's digests: it has sha256:ab | Add its digest if the function is the same in this version, or set `ignore.digestVerificationFailure: true` if the policy may run without this hook",
    ],
    [
      "the return of a Go function",
      returning,
      { ...found, isGo: true },
      "the return of a function of /bin/a.b cannot be hooked: it is a Go program, which moves its stacks and would crash | Leave out `return`, and hook where the result is used",
    ],
  ])("refuses %s", (_, part, file, expected) => {
    expect(refusal(uprobe(part), on(file))).toBe(expected);
  });

  describe("that are overridden", () => {
    const changing = {
      followPath: (root: object, path: string) =>
        "pointerTo" in root && root.pointerTo === "bpf_prog_aux" && path === "kprobe_write_ctx"
          ? { offset: 0, typeId: 1, dereferences: [], size: 1, bits: 8, shift: 0, signed: false }
          : undefined,
    };
    const file: ProgramFile = {
      ...found,
      place: ({ name, plus, returns }) => {
        if (name === "ends") return { problem: "it has no end", hint: "Write another" };
        const at = name === "other" ? 0x2000 : name.startsWith("0x") ? Number(name) : 0x1010;
        return { offset: at + plus + (returns ? 5 : 0), address: at + plus + (returns ? 5 : 0) };
      },
    };
    const overridden = (action: object, part: Partial<CompiledHook> = {}) =>
      uprobe({ args: [], selectors: [selector({ action: "override", ...action })], ...part });
    const where = (one: ProgramFile = file) =>
      ({ ...on(one), ...changing }) as unknown as Partial<typeof facts>;
    const verdictOf = (action: object, part?: Partial<CompiledHook>) =>
      rulesOf(planHook(hook(overridden(action, part)), { ...facts, ...where() }))[0]?.selectors[0]
        ?.verdict;
    const step = (kind: number, value: bigint, from: number, to: number) =>
      expect.objectContaining({ kind, value, from, to });
    const [constant, register, memory] = [0, 1, 2];
    const [rax, rip, rsp] = [80, 128, 152];

    it("by an instruction that returns, or another function", () => {
      expect(verdictOf({ error: -1 })).toMatchObject({
        actions: action.ACTION_POST | action.ACTION_DENY,
        assignments: [step(constant, -1n, 0, rax), step(register, 5n, rip, rip)],
      });
      const place = { by: "symbol", name: "other", plus: 0 };
      expect(verdictOf({ place })?.assignments).toEqual([step(register, 0xff0n, rip, rip)]);
      expect(verdictOf({ place: { ...place, name: "0x1000" } })?.assignments).toEqual([
        step(register, -0x10n, rip, rip),
      ]);
    });

    it("by registers, as instructions write them", () => {
      const registers = [
        { to: "eax", from: "rsp", inMemory: true, add: 8n },
        { to: "ah", add: 1n },
        { to: "rsp", from: "esp", add: -8n },
      ];
      expect(verdictOf({ registers })?.assignments).toEqual([
        { kind: memory, value: 8n, from: rsp, fromSize: 8, to: rax, size: 4, toSize: 8 },
        { kind: constant, value: 1n, from: 0, fromSize: 8, to: rax + 1, size: 1, toSize: 1 },
        { kind: register, value: -8n, from: rsp, fromSize: 4, to: rsp, size: 8, toSize: 8 },
      ]);
    });

    it.each<[string, object, Partial<CompiledHook>, Partial<ProgramFile>, string]>([
      [
        "no other function",
        { place: { by: "symbol", name: "ends", plus: 0 } },
        {},
        {},
        "it has no end | Write another",
      ],
      [
        "an error of a Go function",
        { error: -1 },
        {},
        { isGo: true },
        "no function of /bin/a.b can be made to return an error: it is a Go program, whose functions return several values | Write what the registers become, in argRegs, or use Sigkill",
      ],
      [
        "an error inside of a function",
        { error: -1 },
        { target: "/bin/a.b:begins+0x4" },
        {},
        "/bin/a.b:begins+0x4 is not the beginning of a function, from where alone it can return | Name the function without an offset, or write what the registers become, in argRegs",
      ],
    ])("refuses %s", (_, action, part, other, expected) => {
      const one = { ...file, ...other } as ProgramFile;
      expect(refusal(overridden(action, part), where(one))).toBe(expected);
    });

    it("not on kernels that let no probe change registers, of other machines, too", () => {
      const expected = `Override at a function of a program needs a kernel that lets probes change registers, which Linux does from 6.18 on; this one is ${facts.release} | Use Sigkill or Signal; what the program asks of the kernel can be denied below lsmhooks`;
      expect(refusal(overridden({ error: -1 }), on(file))).toBe(expected);
      expect(refusal(overridden({ error: -1 }))).toBe(expected);
    });

    it("with a remark where it may crash", () => {
      const weaknesses = (action: object, part: Partial<CompiledHook> = {}) => {
        const plan = planHook(hook(overridden(action, part)), { ...facts, ...where() });
        return plan.rules === undefined ? "" : plan.weaknesses.join();
      };
      expect(weaknesses({ error: -1 })).not.toMatch(/crash/);
      expect(weaknesses({ registers: [{ to: "rsp", from: "rsp", add: 8n }] })).toMatch(
        /hooks the return/,
      );
      const program = { path: "/bin/a.b", by: "offset" } as const;
      expect(weaknesses({ error: -1 }, { program, target: "/bin/a.b:0x1010" })).toMatch(
        /is taken for the beginning/,
      );
    });
  });

  it("says what is weaker", () => {
    const weaknesses = (part: Partial<CompiledHook>, file: ProgramFile) => {
      const plan = planHook(hook(uprobe(part)), { ...facts, ...on(file) });
      return plan.rules === undefined ? [] : plan.weaknesses;
    };
    expect(weaknesses({}, found)).toEqual([]);
    expect(weaknesses({ selectors: [kill] }, found).join()).toMatch(/a copy of it is not stopped/);
    expect(weaknesses({}, { ...found, isGo: true }).join()).toMatch(/in other registers/);
  });
});

describe("static probes of programs", () => {
  const file: ProgramFile = {
    ...{ version: "0123456789abcdef", isGo: false, digests: new Set() },
    place: () => ({ problem: "it is no function", hint: "" }),
    probe: ({ name }) =>
      name === "shop:sold" ? { sites } : { problem: `no ${name}`, hint: "Write sold" },
  };
  const usdt = (part: Partial<CompiledHook> = {}): Partial<CompiledHook> => ({
    kind: "usdt",
    target: "/bin/a:shop:sold",
    program: { path: "/bin/a", by: "probe" },
    path: "spec.usdts[0]",
    args: [arg(0, "int"), arg(1, "string")],
    ...part,
  });
  const plan = (part: Partial<CompiledHook> = {}) =>
    planHook(hook(usdt(part)), { ...facts, program: () => file });

  it("are hooked at all their places, by a program for each way to pass arguments", () => {
    const points = rulesOf(plan()).map(({ point }) => point);
    expect(points.map(({ kind, probe }) => [kind, probe])).toEqual([
      [
        "usdt",
        {
          places: [
            { offset: 0x10, counter: 0 },
            { offset: 0x40, counter: 0 },
          ],
          args: [inRegister, onStack, unread],
        },
      ],
      ["usdt", { places: [{ offset: 0x20, counter: 0x30 }], args: [onStack, onStack, unread] }],
    ]);
    const keys = points.map(hookPointKey);
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toMatch(/^usdt:a:0123456789abcdef:[0-9a-f]{16}$/);
  });

  it.each<[string, Partial<CompiledHook>, string]>([
    ["a missing probe", { target: "/bin/a:shop:bought" }, "no shop:bought | Write sold"],
    [
      "an argument that it lacks",
      { args: [arg(3, "int")] },
      "the probe shop:sold passes 3 arguments, so none with index 3 | They are in the output of `readelf -n`, in their order",
    ],
    [
      "an argument that cannot be read",
      { args: [arg(2, "int")] },
      "argument 2 of the probe shop:sold is `8@%xmm0`, which cannot be read: of reasons | Leave it out; the others can be read",
    ],
    [
      "a number as a text",
      { args: [arg(0, "string")] },
      "argument 0 of the probe shop:sold has 4 bytes, which is no address of a string | Write an integer type, such as int or uint32",
    ],
  ])("refuses %s", (_, part, expected) => {
    expect(refusal(usdt(part), { program: () => file })).toBe(expected);
  });

  it("says what is weaker", () => {
    const weak = plan({ selectors: [kill], args: [arg(0, "int")] });
    expect(weak.rules && weak.weaknesses).toEqual([
      expect.stringMatching(/a copy of it is not stopped/),
      "argument 0 of the probe shop:sold has 8 bytes, of which int has only the lowest 32 bits",
    ]);
  });
});

describe("functions whose names the kernel has", () => {
  const list = (part: Partial<CompiledHook>) => hook({ target: "list:all", args: [], ...part });
  const matching = (pattern: string, part: Partial<CompiledHook> = {}) =>
    list({ generated: { by: "pattern", pattern }, ...part });
  const weaknesses = (one: CompiledHook) => {
    const plan = planHook(one, facts);
    return plan.rules === undefined ? [] : plan.weaknesses;
  };

  it("have one program, and events say which was called", () => {
    const [rule] = rulesOf(planHook(matching("^bpf_lsm_socket_"), facts));
    expect(rule?.point).toEqual({
      kind: "kprobes",
      target: "list:all",
      syscall: false,
      functions: ["bpf_lsm_socket_connect", "bpf_lsm_socket_sendmsg"],
    });
    expect(rule && describeHookPoint(rule.point)).toBe("kprobes on the 2 functions of list:all");
    expect(rule?.args.map(({ slot }) => slot.raw)).toEqual([limits.RAW_FUNCTION]);
  });

  it("share a program with a list of the same functions, and with no other", () => {
    const key = (one: CompiledHook) => {
      const [rule] = rulesOf(planHook(one, facts));
      return rule && hookPointKey(rule.point);
    };
    const both = key(matching("^bpf_lsm_socket_"));
    expect(both).toMatch(/^kprobes:[0-9a-f]{16}$/);
    expect(key(matching("lsm_socket", { target: "list:other" }))).toBe(both);
    expect(key(matching("^bpf_lsm_socket_connect"))).not.toBe(both);
  });

  it("are all system calls, with their arguments", () => {
    const calls = list({ generated: { by: "syscalls" }, syscall: true, args: [arg(0, "string")] });
    const [rule] = rulesOf(planHook(calls, facts));
    expect(rule?.point.functions).toEqual(["__x64_sys_openat"]);
    expect(rule?.args.map(({ slot }) => slot.type)).toEqual([
      valueType.VALUE_USER_STRING,
      valueType.VALUE_U32,
    ]);
  });

  it("have the arguments; those without are left out, and that is said", () => {
    const files = matching("^security_", { args: [arg(0, "file")] });
    const [rule] = rulesOf(planHook(files, facts));
    expect(rule?.point.functions).toEqual(["security_file_permission", "security_mmap_file"]);
    expect(weaknesses(files)).toEqual([
      "list:all leaves out 3 that lack the arguments, such as security_bprm_check",
    ]);
  });

  it("cannot be stopped, and that is said", () =>
    expect(weaknesses(matching("^fd_install$", { selectors: [kill] })).join()).toMatch(
      /a signal at functions of list:all ends the process but does not stop the call/,
    ));

  it("are not too many", () => {
    const names = Array.from({ length: 1025 }, (_, i) => `f${i}`);
    const many = (certain: boolean) => ({
      matchingFunctions: () => chooseFunctions(names, certain),
    });
    expect(refusal(matching("^f"), many(true))).toBe(
      "list:all has 1025 functions of this kernel; 1024 are possible | Write a pattern for fewer, or several lists",
    );
    expect(planHook(matching("^f"), { ...facts, ...many(false) }).refusals).toBeUndefined();
  });

  it.each<[string, CompiledHook, string]>([
    ["nothing", matching("^nothing"), "this kernel has no function whose name matches ^nothing"],
    [
      "wrong arguments",
      matching("^fd_install$", { args: [arg(0, "sock")] }),
      "none of the 1 functions of list:all has the arguments of this entry",
    ],
  ])("are refused if there is %s", (_, one, message) => expect(refusal(one)).toContain(message));
});
