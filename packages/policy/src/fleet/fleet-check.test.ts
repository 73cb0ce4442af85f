// SPDX-License-Identifier: Apache-2.0
import { BtfWriter, buildBtf, kinds } from "@gander/btf/testing";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import { fleetCheck } from "./fleet-check.ts";
import { type RemoteKernel, remoteKernelFacts } from "./remote-kernel.ts";

const functions = [
  "int security_file_permission(struct file *file, int mask)",
  "int bpf_lsm_file_permission(struct file *file, int mask)",
  "int security_inode_setattr(struct dentry *dentry, struct iattr *attr)",
  "int bpf_lsm_inode_setattr(struct dentry *dentry, struct iattr *attr)",
  "int security_bprm_check(struct linux_binprm *bprm)",
  "int bpf_lsm_bprm_check_security(struct linux_binprm *bprm)",
  "int tcp_connect(struct sock *sk)",
  "int bpf_lsm_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)",
  "int bpf_lsm_socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)",
  "long __x64_sys_openat(const struct pt_regs *regs)",
];
const rawTracepoints = ["sched_switch(bool preempt, struct task_struct *prev)"];

const lines = (...texts: string[]) => Buffer.from(texts.map((text) => `${text}\n`).join(""));

const old: RemoteKernel = {
  release: "6.1.0-amd64",
  activeLsms: ["lockdown", "capability", "bpf"],
  btf: buildBtf({ functions, rawTracepoints }),
  symbols: lines("__ia32_sys_getpid", "helper", "helper", "only_a_symbol", "tcp_connect"),
  tracepoints: lines(
    "sched/sched_process_exec\tunsigned short common_type\t__data_loc char[] filename\tpid_t pid",
    "syscalls/sys_enter_openat\tunsigned short common_type\tconst char * filename",
  ),
};
const recent: RemoteKernel = {
  ...old,
  release: "6.12.0-amd64",
  btf: buildBtf({
    functions: [...functions, "int security_new_thing(struct path *path)"],
    rawTracepoints,
  }),
};

function check(hooks: string, ...kernels: readonly (readonly [RemoteKernel, number])[]): string[] {
  const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {${hooks}}}`;
  const { value, problems } = checkPolicy(text, { file: "a" });
  if (value === undefined) throw new Error(JSON.stringify(problems));
  const compiled = value[0]?.compiled;
  if (compiled === undefined) throw new Error(text);
  return fleetCheck(
    compiled,
    kernels.map(([kernel, nodes]) => ({ facts: remoteKernelFacts(kernel), nodes })),
  ).map(
    ({ severity, path, message, hint, kernels: on, nodes }) =>
      `${severity} ${path}: ${message}. ${hint} (${nodes}: ${on.map((one) => `${one.release} ${one.nodes}`).join(", ")})`,
  );
}

const kprobe = (call: string, more = "") => `kprobes: [{call: ${call}, syscall: false${more}}]`;
const kill = ", selectors: [{matchActions: [{action: Sigkill}]}]";

describe("fleetCheck", () => {
  it.each([
    kprobe("security_file_permission", ", args: [{index: 0, type: file}, {index: 1, type: int}]"),
    kprobe("security_file_permission", `, args: [{index: 0, type: file}]${kill}`),
    kprobe("only_a_symbol"),
    "kprobes: [{call: sys_openat, syscall: true, args: [{index: 1, type: string}]}]",
    "tracepoints: [{subsystem: sched, event: sched_process_exec, args: [{index: 1, type: string}]}]",
    "tracepoints: [{subsystem: sched, event: sched_switch, raw: true, args: [{index: 0, type: uint8}]}]",
    "lsmhooks: [{hook: file_permission, args: [{index: 0, type: file}]}]",
  ])("has nothing to say to %s", (hooks) => {
    expect(check(hooks, [old, 3], [recent, 5])).toEqual([]);
  });

  it("names the kernels that lack a function, and how many nodes run them", () => {
    expect(check(kprobe("security_new_thing"), [old, 12], [recent, 88])).toEqual([
      "error spec.kprobes[0]: this kernel has no function security_new_thing, unless a module has it. Set `ignore.callNotFound: true` if the policy may run without it (12: 6.1.0-amd64 12)",
    ]);
  });

  const list = (pattern: string) =>
    `lists: [{name: l, type: generated_ftrace, pattern: "${pattern}"}], kprobes: [{call: "list:l"}]`;

  it("finds the functions of a list by its pattern, and says which kernels have none", () => {
    expect(check(list("^tcp_con"), [old, 1])).toEqual([]);
    expect(check(list("^udp_"), [old, 1])).toEqual([
      "error spec.kprobes[0]: this kernel has no function whose name matches ^udp_. Correct the pattern, or set `ignore.callNotFound: true` if the policy may run without the hook (1: 6.1.0-amd64 1)",
    ]);
  });

  it("is not sure of them if the names of the kernel's functions are not known", () => {
    const { symbols: _, ...withoutSymbols } = old;
    expect(check(list("^tcp_con"), [withoutSymbols, 1])).toEqual([]);
    expect(check(list("^udp_"), [withoutSymbols, 1]).join()).toMatch(/^warning spec.kprobes\[0\]/);
  });

  const withFile = (members: readonly string[]) =>
    buildBtf({ functions, rawTracepoints, structs: { file: members } });

  it("names the kernels whose structures lack a member", () => {
    const kernels: [RemoteKernel, number][] = [
      [{ ...old, btf: withFile(["int f_flags", "int f_old"]) }, 3],
      [{ ...recent, btf: withFile(["int f_flags", "int f_new"]) }, 4],
    ];
    const args = (path: string) => `, args: [{index: 0, resolve: ${path}}]`;
    expect(check(kprobe("security_file_permission", args("f_flags")), ...kernels)).toEqual([]);
    expect(check(kprobe("security_file_permission", args("f_new")), ...kernels)).toEqual([
      "error spec.kprobes[0].args[0].resolve: in this kernel struct file has no member f_new. Its members are f_flags, f_old. (3: 6.1.0-amd64 3)",
    ]);
  });

  it("is not sure of structures of modules", () => {
    const args = ", args: [{index: 0, resolve: x, btfType: a, btfTypeModule: b}]";
    expect(check(kprobe("security_file_permission", args), [old, 1])).toEqual([
      "warning spec.kprobes[0].args[0].btfType: this kernel has no structure a, and module b is not loaded or has none. Write the name of a structure without `struct`; a module's needs `btfTypeModule:`, too. (1: 6.1.0-amd64 1)",
    ]);
  });

  it("says once what several kernels say, and adds up their nodes", () => {
    expect(check(kprobe("security_file_permision"), [old, 1], [recent, 2], [recent, 4])).toEqual([
      "error spec.kprobes[0]: this kernel has no function security_file_permision, unless a module has it. Did you mean security_file_permission? (7: 6.1.0-amd64 1, 6.12.0-amd64 6)",
    ]);
  });

  it.each<[string, string, Partial<RemoteKernel>, RegExp]>([
    [
      "a wrong type",
      kprobe("security_file_permission", ", args: [{index: 0, type: path}]"),
      {},
      /^error spec\.kprobes\[0\]\.args\[0\]\.type: argument 0 of security_file_permission is a struct file \*, not a path\. Write `type: file`/,
    ],
    [
      "a narrower type",
      kprobe("security_file_permission", ", args: [{index: 1, type: uint64}]"),
      {},
      /^warning spec\.kprobes\[0\]: argument 1 .* not as wide as uint64/,
    ],
    [
      "an LSM hook where LSM programs are never called",
      "lsmhooks: [{hook: file_permission}]",
      { activeLsms: ["capability", "apparmor"] },
      /^error spec\.lsmhooks\[0\]: .*`bpf` is not an active LSM \(active: capability,apparmor\)\. .*lsm=apparmor,bpf/,
    ],
    [
      "a denial by a weaker means",
      kprobe("security_file_permission", kill),
      { activeLsms: ["capability"] },
      /^warning spec\.kprobes\[0\]: security_file_permission is denied by an fmod_ret program/,
    ],
    [
      "calls of 32-bit programs that a system call's hook does not see",
      `kprobes: [{call: sys_openat${kill}}]`,
      {},
      /^warning .*sys_openat called by 32-bit code \(int 0x80\) is not seen here.*hook __ia32_sys_openat as well/m,
    ],
    [
      "a kill that comes late",
      kprobe("only_a_symbol", kill),
      {},
      /^warning .* ends the process but does not stop the call in progress/,
    ],
    [
      "arguments and result of a function without types",
      kprobe(
        "only_a_symbol",
        ", return: true, args: [{index: 0, type: int}], returnArg: {index: 0, type: int}",
      ),
      {},
      /^error .*cannot be seen with its arguments and its return value at once/,
    ],
    [
      "an unknown system call",
      "kprobes: [{call: sys_opennat, syscall: true}]",
      {},
      /^error spec\.kprobes\[0\]: this kernel has no system call sys_opennat .*Did you mean sys_openat/,
    ],
    [
      "a field that a tracepoint lacks",
      "tracepoints: [{subsystem: sched, event: sched_process_exec, args: [{index: 9, type: int}]}]",
      {},
      /^error .*argument 9 of sched\/sched_process_exec cannot be read as int; its fields are 0: unsigned short common_type, 1: __data_loc char\[\] filename/,
    ],
    [
      "an unknown tracepoint",
      "tracepoints: [{subsystem: sched, event: sched_process_exek}]",
      {},
      /^error .*no tracepoint sched\/sched_process_exek\. Did you mean sched\/sched_process_exec/,
    ],
    [
      "a name that several functions have",
      kprobe("helper"),
      {},
      /^warning .*the kernel has 2 functions named helper/,
    ],
    [
      "a function that may be there without types",
      kprobe("only_a_symbol"),
      { symbols: undefined } as unknown as Partial<RemoteKernel>,
      /^warning .*no function only_a_symbol, as far as its types tell/,
    ],
    [
      "a missing function that may be missing",
      kprobe("security_new_thing", ", ignore: {callNotFound: true}"),
      {},
      /^note .*no function security_new_thing.*The policy runs without this hook there/,
    ],
  ])("says %s", (_, hooks, part, expected) => {
    expect(check(hooks, [{ ...old, ...part }, 1]).join("\n")).toMatch(expected);
  });

  it("proposes few names, as each takes its time", () => {
    const calls = Array.from({ length: 10 }, (_, i) => `{call: tcp_connec${i}, syscall: false}`);
    const found = check(`kprobes: [${calls.join(", ")}]`, [old, 1]);
    expect(found).toHaveLength(10);
    expect(found.filter((text) => text.includes("Did you mean tcp_connect?"))).toHaveLength(3);
  });

  it("survives types that refer to themselves", () => {
    const writer = new BtfWriter();
    const endless = writer.add(kinds.ptr, "", 1);
    const prototype = writer.add(kinds.func_proto, "", 0, [0, endless], 1);
    writer.add(kinds.func, "loop", prototype);
    expect(check(kprobe("loop"), [{ ...old, btf: writer.bytes() }, 1])).toEqual([
      "warning : what its sensor told of this kernel cannot be read, so the policy was not checked: BTF type 1 refers to itself.  (1: 6.1.0-amd64 1)",
    ]);
  });

  it("knows tracepoints by the types alone, but for their fields", () => {
    const kernel = { ...old, tracepoints: undefined } as unknown as RemoteKernel;
    const fields = "args: [{index: 50, type: int}]";
    expect(
      check(`tracepoints: [{subsystem: sched, event: sched_switch, ${fields}}]`, [kernel, 1]),
    ).toEqual([]);
    expect(check("tracepoints: [{subsystem: sched, event: sched_swich}]", [kernel, 1])[0]).toMatch(
      /no tracepoint sched\/sched_swich, unless a module has it/,
    );
  });

  it("is no match for a text with several lines in it", () => {
    const kernel = remoteKernelFacts(old);
    expect(kernel.symbolCount("helper\nonly_a_symbol")).toBe(0);
    expect(kernel.symbolCount("helpe")).toBe(0);
    expect(kernel.symbolCount("elper")).toBe(0);
  });
});
