// SPDX-License-Identifier: Apache-2.0
import { buildBtf } from "@gander/btf/testing";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import { eachFunction, type TypedHook } from "../compiled-policy.ts";
import { remoteKernelFacts } from "../fleet/remote-kernel.ts";
import { placeHook } from "./place-hook.ts";

const btf = buildBtf({
  structs: {
    qstr: ["unsigned int len", "unsigned int hash", "const unsigned char * name"],
    dentry: ["struct qstr d_name", "void * d_fsdata"],
    path: ["void * mnt", "struct dentry * dentry"],
    file: ["struct path f_path", "unsigned int f_flags", "struct cred * f_cred"],
    kuid: ["unsigned int val"],
    cred: ["struct kuid uid", "long securebits"],
    linux_binprm: ["struct file * file", "unsigned int secure:1", "char interp[8]", "int odd[2]"],
    task_struct: ["int pid", "struct task_struct * real_parent", "char comm[16]"],
    sock_common: ["short family"],
    sock: ["short family"],
    timewait_sock: ["struct sock_common __tw_common", "int mark"],
    inet_sock: ["struct sock sk", "int port"],
    tcp_sock: ["struct inet_sock inet", "int window"],
    request_sock: ["struct sock_common __req_common", "int retries"],
    sockaddr: ["short sa_family", "char sa_data[14]"],
    sockaddr_in: ["short sin_family", "short sin_port"],
    iattr: ["int ia_valid", "struct file * ia_file"],
  },
  functions: [
    "int security_bprm_check(struct linux_binprm *bprm)",
    "int bpf_lsm_bprm_check_security(struct linux_binprm *bprm)",
    "int security_file_permission(struct file *file, int mask)",
    "int bpf_lsm_file_permission(struct file *file, int mask)",
    "int security_inode_setattr(struct dentry *dentry, struct iattr *attr)",
    "int bpf_lsm_inode_setattr(struct dentry *dentry, struct iattr *attr)",
    "long f(const char *name, void *data, strange_t what, struct path *path, struct nowhere *x, unsigned long flags)",
    "void tcp_connect(struct sock *sk)",
    "void tcp_close(struct tcp_sock *sk)",
    "void wait(struct timewait_sock *sk)",
    "int bind(struct sockaddr *address)",
  ],
  rawTracepoints: ["sched_switch(bool preempt, struct task_struct *prev)"],
});
const facts = remoteKernelFacts({
  release: "6.12.0",
  btf,
  symbols: Buffer.from("bind\nonly_a_symbol\ntcp_close\ntcp_connect\n"),
  tracepoints: Buffer.from(
    [
      "net/x\tunsigned short common_type\tstruct sock * sk\tchar comm[16]\t__data_loc char[] name\tstrange_t what\tvoid * data\n",
      "syscalls/sys_enter_connect\tint fd\tstruct sockaddr * address\tconst char * name\n",
    ].join(""),
  ),
});

function place(hooks: string) {
  const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {${hooks}}}`;
  const { value, problems } = checkPolicy(text, { file: "a" });
  const [hook] = value?.[0]?.compiled.hooks.flatMap(eachFunction) ?? [];
  if (hook === undefined) throw new Error(JSON.stringify(problems));
  return placeHook(hook, facts);
}

const kprobe = (call: string, args: string, more = "") =>
  `kprobes: [{call: ${call}, syscall: false, args: [${args}]${more}}]`;
const data = (entries: string, more = "") =>
  kprobe("security_bprm_check", "", `, data: [${entries}]${more}`);
const tracepoint = (args: string, target = "subsystem: net, event: x") =>
  `tracepoints: [{${target}, args: [${args}]}]`;

/** Each argument as it is read: its type, and the way to it. */
function read({ args }: TypedHook): string {
  const texts = args.map(({ type, route, source }) => {
    if (route === undefined) return type;
    const { dereferences, offset, size, signed, bits, shift, room } = route;
    const number = size === 0 ? "" : ` ${signed ? "s" : "u"}${bits} of ${size}>>${shift}`;
    const from = source === undefined ? "" : source === "registers" ? "regs " : "task ";
    return `${type} ${from}${[...dereferences, ""].join("->")}${offset}${number}${room ? ` room ${room}` : ""}`;
  });
  return texts.join("; ");
}

describe("types and routes that a kernel gives", () => {
  it.each([
    ["{index: 0}, {index: 1}", "security_file_permission", "file; int"],
    ["{index: 0}, {index: 3}, {index: 5}", "f", "string; path; uint64"],
    ["{index: 2}", "f", "int"],
    ["{index: 0, resolve: file}", "security_bprm_check", "file 0->0"],
    ["{index: 0, resolve: file.f_path}", "security_bprm_check", "path 0->0"],
    ["{index: 0, type: path, resolve: file.f_path}", "security_bprm_check", "path 0->0"],
    ["{index: 0, resolve: file.f_path.dentry}", "security_bprm_check", "dentry 0->8->0"],
    [
      "{index: 0, type: string, resolve: file.f_path.dentry.d_name.name}",
      "security_bprm_check",
      "string 0->8->8->0",
    ],
    [
      "{index: 0, resolve: file.f_path.dentry.d_name.len}",
      "security_bprm_check",
      "uint32 0->8->0 u32 of 4>>0",
    ],
    [
      "{index: 0, resolve: file.f_cred.uid.val}",
      "security_bprm_check",
      "uint32 0->24->0 u32 of 4>>0",
    ],
    [
      "{index: 0, resolve: file.f_cred.securebits, type: uint64}",
      "security_bprm_check",
      "uint64 0->24->8 s64 of 8>>0",
    ],
    ["{index: 0, resolve: secure}", "security_bprm_check", "uint32 8 u1 of 4>>0"],
    ["{index: 0, resolve: interp}", "security_bprm_check", "string 9 room 8"],
    ["{index: 0, resolve: 'odd[1]'}", "security_bprm_check", "int 24 s32 of 4>>0"],
    [
      "{index: 0, resolve: file.f_path.dentry, type: uint64}",
      "security_bprm_check",
      "uint64 0->8 u64 of 8>>0",
    ],
    ["{index: 1, btfType: sock}", "f", "sock"],
    ["{index: 1, btfType: sock, resolve: family}", "f", "int16 0 s16 of 2>>0"],
    ["{index: 0, btfType: file, resolve: f_flags}", "only_a_symbol", "uint32 16 u32 of 4>>0"],
    ["{index: 4, type: nop}", "f", "nop"],
    // Pointers are cast to what contains the structure or begins it.
    ["{index: 0, btfType: tcp_sock, resolve: window}", "tcp_connect", "int 16 s32 of 4>>0"],
    ["{index: 0, btfType: sock, resolve: family}", "tcp_close", "int16 0 s16 of 2>>0"],
    ["{index: 0, btfType: request_sock, resolve: retries}", "wait", "int 8 s32 of 4>>0"],
    ["{index: 0, btfType: sockaddr_in, resolve: sin_port}", "bind", "int16 2 s16 of 2>>0"],
    ["{index: 4, btfType: file, resolve: f_flags}", "f", "uint32 16 u32 of 4>>0"],
    ["{index: 5, btfType: file, resolve: f_flags}", "f", "uint32 16 u32 of 4>>0"],
  ])("%s of %s", (args, call, expected) => {
    const { hook, refusals } = place(kprobe(call, args));
    expect(refusals ?? (hook && read(hook))).toBe(expected);
  });

  it.each([
    [data("{index: 0, source: current_task, resolve: pid}"), "int task 0 s32 of 4>>0"],
    [
      data("{index: 0, type: string, source: current_task, resolve: real_parent.comm}"),
      "string task 8->16 room 16",
    ],
    [
      data("{index: 0, source: pt_regs, resolve: r8}, {index: 1, source: pt_regs, resolve: r8d}"),
      "uint64 regs 72 u64 of 8>>0; uint32 regs 72 u32 of 4>>0",
    ],
    [
      data(
        "{index: 0, source: pt_regs, resolve: dh, type: int}, {index: 1, source: pt_regs, resolve: rsp, type: file}",
      ),
      "int regs 97 u8 of 1>>0; file regs 152->0",
    ],
    [
      "uprobes: [{path: /a, symbols: [f], data: [{index: 0, source: pt_regs, resolve: rsi, type: string}, {index: 1, source: current_task, resolve: real_parent.pid}]}]",
      "string regs 104->0; int task 8->0 s32 of 4>>0",
    ],
    ["lsmhooks: [{hook: bprm_check_security, args: [{index: 0, resolve: file}]}]", "file 0->0"],
    [tracepoint("{index: 1}, {index: 2}, {index: 3}, {index: 4}"), "sock; string; string; int"],
    [tracepoint("{index: 1, resolve: family}"), "int16 0 s16 of 2>>0"],
    [tracepoint("{index: 5, btfType: file, resolve: f_flags}"), "uint32 16 u32 of 4>>0"],
    [tracepoint("{index: 2}", "subsystem: syscalls, event: sys_enter_connect"), "string"],
    [
      tracepoint("{index: 1, resolve: comm}", "subsystem: sched, event: sched_switch, raw: true"),
      "string 16 room 16",
    ],
    [tracepoint("{index: 0}", "subsystem: sched, event: sched_switch, raw: true"), "uint8"],
  ])("%s", (hooks, expected) => {
    const { hook, refusals } = place(hooks);
    expect(refusals ?? (hook && read(hook))).toBe(expected);
  });

  it("gives an argument without a type the test that its values mean", () => {
    const filter = "selectors: [{matchArgs: [{index: 0, operator: Prefix, values: [/a]}]";
    const more = `, return: true, returnArg: {index: 0}, ${filter}, matchReturnArgs: [{index: 0, operator: GT, values: ["-1"]}]}]`;
    const { hook } = place(kprobe("f", "{index: 0}", more));
    expect(hook?.returnArg?.type).toBe("int64");
    expect(hook?.selectors[0]).toMatchObject({
      filters: [{ on: "arg", arg: 0, test: { op: "str-prefix", values: ["/a"] } }],
      returnFilters: [{ on: "arg", arg: "return", test: { op: "greater", values: [-1n] } }],
    });
  });

  it("finds the filter of data behind the arguments", () => {
    const more = `, selectors: [{matchData: [{index: 0, operator: Equal, values: ["7"]}]}]`;
    const args = `{index: 0}], data: [{index: 0, source: current_task, resolve: pid}`;
    const { hook } = place(kprobe("security_bprm_check", args, more));
    expect(hook?.selectors[0]?.filters).toMatchObject([{ on: "arg", arg: 1 }]);
  });

  it("warns of a number of which only a part is read", () => {
    const found = place(
      kprobe("security_bprm_check", "{index: 0, type: int, resolve: file.f_cred.securebits}"),
    );
    expect(found.refusals ?? found.weaknesses).toEqual([
      "file.f_cred.securebits of argument 0 of security_bprm_check is a long, of which int has only the lowest 32 bits",
    ]);
  });
});

it("only warns of values that seem wrong of an argument without a type", () => {
  const filter = "{matchArgs: [{index: 0, operator: Prefix, values: [etc/*]}]}";
  const found = place(kprobe("security_file_permission", "{index: 0}", `, selectors: [${filter}]`));
  expect(found.refusals ?? found.weaknesses).toEqual([
    '"etc/*" is compared as it is: * stands only for itself',
    '"etc/*" does not begin with /, as paths do in the kernel',
  ]);
});

it("leaves functions of a list out whose argument points to another structure", () => {
  const found = place(
    `lists: [{name: l, type: generated_ftrace, pattern: '^(tcp_c|bind)'}], kprobes: [{call: 'list:l', syscall: false, args: [{index: 0, type: int16, btfType: sock, resolve: family}]}]`,
  );
  expect(found.refusals ?? found.placements.map(({ point }) => point)).toMatchObject([
    { functions: ["tcp_close", "tcp_connect"] },
  ]);
});

describe("what a kernel refuses", () => {
  it.each([
    [
      kprobe("tcp_connect", "{index: 0, btfType: file, resolve: f_flags}"),
      "args[0].btfType: argument 0 of tcp_connect is a struct sock *, which does not point to a struct file. Remove `btfType:`: it is for arguments of which the kernel does not say what they point to. Or correct the index.",
    ],
    [
      tracepoint("{index: 1, btfType: file}"),
      "args[0].btfType: field 1 of net/x is a struct sock *, which does not point to a struct file. Remove `btfType:`: it is for arguments of which the kernel does not say what they point to. Or correct the index.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: file.f_flag}"),
      "args[0].resolve: in this kernel struct file has no member f_flag. Did you mean f_flags?",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: file.f_path.nothing}"),
      "args[0].resolve: in this kernel struct path has no member nothing. Its members are mnt, dentry.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: 'odd[2]'}"),
      "args[0].resolve: int[2] has no element [2]. Elements count from 0.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: file.f_path}, {index: 3, resolve: x}"),
      "args[1].index: security_bprm_check takes one argument, so none with index 3. It is security_bprm_check(struct linux_binprm *bprm).",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, type: string, resolve: file.f_path}"),
      "args[0].resolve: file.f_path of argument 0 of security_bprm_check is a struct path, not a string. Continue the path with one of its members: `resolve: file.f_path.…`.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: file.f_cred.uid}"),
      "args[0].resolve: file.f_cred.uid of argument 0 of security_bprm_check is a struct kuid, and no type of arguments follows from that. Continue the path with one of its members: `resolve: file.f_cred.uid.…`.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, type: file, resolve: file.f_path.dentry}"),
      "args[0].type: file.f_path.dentry of argument 0 of security_bprm_check is a struct dentry *, not a file. Write `type: dentry`.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, type: string, resolve: odd}"),
      "args[0].resolve: odd of argument 0 of security_bprm_check is a int[2], not a string. Write `resolve: odd[0]` for its first element.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: file.f_flags.x}"),
      "args[0].resolve: what is before x in file.f_flags.x is a unsigned int, which has no members. Leave x out.",
    ],
    [
      kprobe("security_bprm_check", "{index: 0, resolve: file.f_path.mnt.x}"),
      "args[0].resolve: what is before x in file.f_path.mnt.x is a void, which has no members. Hook a function whose argument says what it points to, or add `btfType:`.",
    ],
    [
      kprobe("f", "{index: 4, resolve: x}"),
      "args[0].resolve: this kernel's types don't say what is in struct nowhere, so nothing can be followed to x. A module may have it: add `btfType:` and `btfTypeModule:`.",
    ],
    [
      kprobe("f", "{index: 1}"),
      "args[0].type: argument 1 of f is a void *, and no type of arguments follows from that. Write `type: uint64` for the address, `type: nop` to leave it out, or `resolve:` with the path to one of its members.",
    ],
    [
      kprobe("f", "{index: 1, btfType: socke}"),
      "args[0].btfType: this kernel has no structure socke. Write the name of a structure without `struct`; a module's needs `btfTypeModule:`, too.",
    ],
    [
      kprobe("only_a_symbol", "{index: 0}"),
      "args[0].type: the kernel's types don't say what argument 0 of only_a_symbol is. Write its `type:`, or `btfType:` with the structure that it points to.",
    ],
    [
      kprobe("only_a_symbol", "{index: 0, resolve: x}"),
      "args[0].resolve: the kernel's types don't say what structure argument 0 of only_a_symbol points to. Add `btfType:` with the name of the structure.",
    ],
    [
      data("{index: 0, source: current_task, resolve: parent.comm}"),
      "data[0].resolve: in this kernel struct task_struct has no member parent. Its members are pid, real_parent, comm.",
    ],
    [
      tracepoint("{index: 1}", "subsystem: syscalls, event: sys_enter_connect"),
      "args[0].type: field 1 of syscalls/sys_enter_connect is a struct sockaddr *, and no type of arguments follows from that. Write `type: uint64` for the address, `type: nop` to leave it out, or `resolve:` with the path to one of its members.",
    ],
    [
      tracepoint("{index: 1, resolve: x}", "subsystem: syscalls, event: sys_enter_connect"),
      "args[0].resolve: field 1 of syscalls/sys_enter_connect points into the memory of the process, which has no structures of the kernel. Hook the function behind the system call.",
    ],
    [
      kprobe(
        "security_file_permission",
        "{index: 0}",
        `, selectors: [{matchArgs: [{index: 0, operator: GT, values: ["1"]}]}]`,
      ),
      "selectors[0].matchArgs[0].operator: GT cannot be applied to an argument of type file. Operators for it: Equal, NotEqual, Prefix, NotPrefix, Postfix, NotPostfix, SubString, SubStringIgnCase, FileType, NotFileType.",
    ],
    [
      kprobe(
        "tcp_connect",
        "{index: 0, resolve: family}",
        ", selectors: [{matchActions: [{action: Sigkill}]}]",
      ),
      ": a connection is prevented before tcp_connect is called, where the members of its socket have no values yet. Hook security_socket_connect, or leave `resolve` out of this hook",
    ],
  ])("%s", (hooks, expected) => {
    const { refusals = [] } = place(hooks);
    expect(
      refusals.map(({ path = "", message, hint }) => {
        const at = path.replace(/^spec\.\w+\[0\]\./, "");
        return `${at}: ${message}. ${hint}`;
      }),
    ).toEqual([expected]);
  });
});
