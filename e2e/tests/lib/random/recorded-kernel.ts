// SPDX-License-Identifier: Apache-2.0
// A small kernel, and programs on it, for made-up policies where no kernel can be asked.
import { type ArgType, argTypeRows, typeRow } from "@gander/crd-schemas";
import { buildBtf } from "../../../../packages/btf/src/testing/build-btf.ts";
import { remoteKernelFacts } from "../../../../packages/policy/src/fleet/index.ts";
import type { ProgramFile } from "../../../../packages/policy/src/index.ts";
import { readCType } from "../../../../packages/policy/src/kernel-check/c-type.ts";
import { typeFor } from "../../../../packages/policy/src/kernel-check/check-prototype.ts";
import type { PlanFacts } from "../../../../packages/sensor/src/plan/plan-facts.ts";
import type { Machine } from "./random-policy.ts";
import type { Target } from "./target.ts";

const structs = {
  file: ["struct path f_path", "unsigned int f_flags"],
  path: ["struct vfsmount *mnt", "struct dentry *dentry"],
  dentry: ["struct qstr d_name"],
  qstr: ["unsigned int hash", "const unsigned char *name"],
  task_struct: [
    ...["int pid", "char comm[16]", "struct task_struct *real_parent", "struct mm_struct *mm"],
    ...["unsigned long start_time", "struct pid *thread_pid", "int static_prio"],
  ],
  mm_struct: ["struct file *exe_file"],
  pid: ["struct upid numbers[4]"],
  upid: ["int nr"],
  iattr: ["unsigned int ia_valid", "struct file *ia_file"],
};

/** As C declares them, by the part of a policy that hooks them. */
const functions = [
  "int security_file_permission(struct file *file, int mask)",
  "int security_bprm_check(struct linux_binprm *bprm)",
  "int security_capset(struct cred *new, const struct cred *old, const kernel_cap_t *effective, const kernel_cap_t *inheritable, const kernel_cap_t *permitted)",
  "int security_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)",
  "int security_bpf(int cmd, union bpf_attr *attr, unsigned int size)",
  "int tcp_connect(struct sock *sk)",
  "struct sock *inet_csk_accept(struct sock *sk, int flags)",
  "int ip_output(struct net *net, struct sock *sk, struct sk_buff *skb)",
  "long vfs_read(struct file *file, char *buf, unsigned long count)",
  "struct file *do_filp_open(int dfd, struct filename *pathname)",
  "long vfs_iter_read(struct kiocb *iocb, struct iov_iter *iter)",
  "int commit_creds(struct cred *new)",
  "int cap_capable(const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts)",
  "int dev_hard_start_xmit(struct sk_buff *skb, struct net_device *dev)",
  "int perf_event_init(struct perf_event *event, struct bpf_prog *prog, struct bpf_map *map)",
  "int do_init_module(struct module *mod)",
  "int load_module(struct load_info *info, const char *uargs, int flags)",
  "int vfs_path_lookup(struct dentry *dentry, const struct path *path, unsigned char a, short b, unsigned short c, unsigned long d)",
];

const lsmHooks = [
  "int bpf_lsm_file_permission(struct file *file, int mask)",
  "int bpf_lsm_file_open(struct file *file)",
  "int bpf_lsm_bprm_check_security(struct linux_binprm *bprm)",
  "int bpf_lsm_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)",
  "int bpf_lsm_inode_mkdir(struct inode *dir, struct dentry *dentry, unsigned short mode)",
];

const calls = ["sys_write", "sys_openat", "sys_kill", "sys_mkdir", "sys_dup"];
const rawTracepoints = [
  "sched_process_exec(struct task_struct *p, int old_pid, struct linux_binprm *bprm)",
];

const btf = buildBtf({
  structs,
  rawTracepoints,
  functions: [
    ...functions,
    ...lsmHooks,
    ...calls.map((name) => `long __x64_${name}(const struct pt_regs *regs)`),
  ],
});

/** Each is read as a type that only fields of a record can have, or that the language has no C type for. */
const fields = [
  ["unsigned short common_type", 2],
  ["int number", 4],
  ["__data_loc char[] text", 4],
  ["char comm[16]", 16],
  ["u8 bytes[8]", 8],
  ["long id", 8],
] as const;

const tracepointFormat: PlanFacts["tracepointFormat"] = () => {
  let at = 0;
  return {
    id: 1,
    fields: fields.map(([text, sizeBytes]) => {
      const [, type = "", name = "", array = ""] = /^(.*) (\w+)(\[\d+\])?$/.exec(text) ?? [];
      const offsetBytes = at;
      at += sizeBytes;
      return { name, type: `${type}${array}`, offsetBytes, sizeBytes, signed: false };
    }),
  };
};

const program: ProgramFile = {
  ...{ version: "1-2-3", isGo: false, digests: new Set(["build-id:1b84f6"]) },
  place: () => ({ offset: 4096, address: 4096 }),
  probe: () => ({
    sites: [
      {
        ...{ offset: 4096, counter: 0 },
        args: (["rdi", "rsi", "rdx", "rcx"] as const).map((register) => ({
          ...({ in: "register", register, skip: 0, size: 8, signed: true } as const),
        })),
      },
    ],
  }),
};

export const recordedFacts: PlanFacts = {
  ...remoteKernelFacts({ release: "6.12.0", btf, activeLsms: ["bpf"] }),
  ...{ tracepointFormat, program: () => program, hostNamespace: () => 4026531840n },
};

const typeOf = (type: string): ArgType | undefined => typeFor(readCType(type));

const behindFile = [
  { resolve: "f_path.dentry.d_name.name", type: "string" },
  { resolve: "f_flags", type: "uint32" },
] as const;

/** What `declared` functions take, as a policy may write it. */
function targets(section: "kprobes" | "lsmhooks", declared: readonly string[]): readonly Target[] {
  return declared.flatMap((one): Target[] => {
    const [, symbol = ""] = /(\w+)\(/.exec(one) ?? [];
    const prototype = recordedFacts.prototype(symbol);
    if (prototype === undefined) throw new Error(`${one} has no prototype`);
    const parameters = prototype.parameters.map(({ type }) => typeOf(type));
    const behind = Object.fromEntries(
      parameters.flatMap((type, i) => (type === "file" ? [[i, behindFile] as const] : [])),
    );
    const of = { syscall: false, raw: false, parameters, behind };
    const name = section === "lsmhooks" ? symbol.slice("bpf_lsm_".length) : symbol;
    return [{ section, name, ...of, returns: typeOf(prototype.returnType) }];
  });
}

const ofProgram = argTypeRows
  .filter(({ readUser, elsewhere }) => readUser !== undefined && elsewhere === undefined)
  .map(({ type }) => type)
  .filter((type) => typeRow(type).sized !== true);
const slices = [0, 4, 8, 12].map((from) => ofProgram.slice(from, from + 4));

/** A target of every kind, with arguments of every type. */
export const recordedMachine: Machine = {
  ...{ scoped: 0.25, generated: 0.5, stopsCalls: true },
  targets: [
    ...targets("kprobes", functions),
    ...targets("lsmhooks", lsmHooks),
    ...calls.map((name): Target => {
      const of = { syscall: true, raw: false, parameters: [], returns: "int64" } as const;
      return { section: "kprobes", name, ...of };
    }),
    {
      ...{ section: "tracepoints", name: "sched/sched_process_exec", syscall: false, raw: true },
      ...{ parameters: [undefined, "int", "linux_binprm"], returns: undefined },
    },
    {
      ...{ section: "tracepoints", name: "some/record", syscall: false, raw: false },
      parameters: [undefined, "int", "data_loc", "string", "const_buf", "syscall64"],
      returns: undefined,
    },
    ...slices.flatMap((parameters): Target[] => [
      {
        ...{ section: "uprobes", name: "/usr/bin/tool:main", syscall: false, raw: false },
        ...{ parameters, returns: "uint64" },
      },
      {
        ...{ section: "usdts", name: "/usr/bin/tool:shop:sold", syscall: false, raw: false },
        ...{ parameters, returns: undefined },
      },
    ]),
  ],
};
