// SPDX-License-Identifier: Apache-2.0

/** How operators treat the values of a type. */
export type ValueFamily =
  | "integer"
  | "text"
  | "path"
  | "bytes"
  | "socket"
  | "packet"
  | "address"
  | "structure"
  | "nothing";

/** Names that values of an integer type have in policies. */
export type ValueNames = "capability" | "capabilities" | "bpf-command";

type Row = {
  readonly family: ValueFamily;
  /** For people: what is read. */
  readonly says: string;
  /** Other names for it in policies. */
  readonly aliases?: readonly string[];
  /** Integers: width and sign. */
  readonly bits?: 8 | 16 | 32 | 64;
  readonly signed?: boolean;
  /** Integers: values may also be written by these names. */
  readonly names?: ValueNames;
  /** How programs read it: a name of `enum value_type` (bpf/records.h) without VALUE_. */
  readonly read: string;
  /** Bytes whose size another argument has. */
  readonly sized?: true;
  /** With `maxData: true`, events carry more of it. */
  readonly maxData?: true;
  /** The same in arguments of system calls, which point to process memory. */
  readonly readUser?: string;
  /** Without `readUser`: what to write for an argument of a system call. */
  readonly ofSyscall?: string;
  /** What it points to in the kernel. */
  readonly structure?: KernelPointer;
  /** Only a field of a tracepoint's record can be of this type: what to write elsewhere. */
  readonly elsewhere?: string;
  /**
   * The field of KprobeArgument that carries it, without `_arg`; `message`: that which
   * packages/sensor/src/events/structures.ts chooses.
   */
  readonly event: string;
};

type KernelPointer = `${"struct " | "union " | ""}${string} *`;

const integer = <
  const Read extends string,
  const Event extends string,
  const Aliases extends readonly string[],
>(
  signed: boolean,
  bits: 8 | 16 | 32 | 64,
  read: Read,
  event: Event,
  ...aliases: Aliases
) =>
  ({
    family: "integer",
    ...{ bits, signed, read, readUser: read, event, aliases },
    says: `a number of ${bits} bits${signed ? " with a sign" : ""}`,
  }) as const;

const structure = <
  const Family extends ValueFamily,
  const Pointer extends KernelPointer,
  const Read extends string,
  const Event extends string,
>(
  family: Family,
  pointer: Pointer,
  read: Read,
  event: Event,
  says: string,
  ofSyscall: string,
) => ({ family, structure: pointer, read, event, says, ofSyscall }) as const;

/** Bytes whose size another argument has. */
const sized = <const Read extends string, const ReadUser extends string>(
  read: Read,
  readUser: ReadUser,
  says: string,
) =>
  ({ family: "bytes", event: "bytes", sized: true, maxData: true, read, readUser, says }) as const;

/** A structure that events show; no filter looks into it. */
const shown = <const Pointer extends KernelPointer, const Read extends string>(
  pointer: Pointer,
  read: Read,
  says: string,
  ofSyscall: string,
) => structure("structure", pointer, read, "message", says, ofSyscall);

/** A set of capabilities that the kernel passes by its address. */
const capabilities = {
  ...structure(
    "integer",
    "kernel_cap_t *",
    "CAPABILITIES",
    "message",
    "a set of capabilities",
    "Hook security_capset with `syscall: false`.",
  ),
  bits: 64,
  signed: false,
  names: "capabilities",
} as const;

const hookSecurityBpf = "Hook security_bpf or the like with `syscall: false`.";
const hookModules = "Hook do_init_module or the like with `syscall: false`.";

/**
 * The argument types. A new one is a row here; if the programs don't read such a value yet, also a
 * `VALUE_` in bpf/records.h and its case in bpf/args.bpf.h.
 */
const argTypes = {
  int8: integer(true, 8, "S8", "int", "sint8"),
  uint8: integer(false, 8, "U8", "uint"),
  int16: integer(true, 16, "S16", "int", "sint16"),
  uint16: integer(false, 16, "U16", "uint"),
  int: integer(true, 32, "S32", "int", "int32", "sint32"),
  uint32: integer(false, 32, "U32", "uint"),
  int64: integer(true, 64, "U64", "long", "long", "sint64"),
  uint64: integer(false, 64, "U64", "size", "ulong"),
  size_t: integer(false, 64, "U64", "size"),
  string: {
    family: "text",
    says: "text that ends with NUL, up to 4096 bytes",
    read: "STRING",
    readUser: "USER_STRING",
    event: "string",
  },
  filename: structure(
    "text",
    "struct filename *",
    "FILENAME",
    "string",
    "the name as the program gave it",
    "Use string.",
  ),
  char_buf: sized(
    "BUFFER",
    "USER_BUFFER",
    "bytes, up to 4096 (with `maxData: true`, 327360): as many as the argument `sizeArgIndex` (counted from 1) says or, with `returnCopy: true`, as the call returns",
  ),
  char_iovec: {
    ...sized(
      "USER_IOVEC",
      "USER_IOVEC",
      "the bytes of an array of pieces, as of writev(2), put together; `sizeArgIndex` is the argument with their number",
    ),
    structure: "struct iovec *",
  },
  iov_iter: {
    ...structure(
      "bytes",
      "struct iov_iter *",
      "IOV_ITER",
      "bytes",
      "the bytes of an iterator over memory of the process, put together",
      "Use char_buf, or char_iovec for an array of struct iovec, with `sizeArgIndex:`.",
    ),
    maxData: true,
  },
  fd: {
    family: "path",
    says: "a file descriptor of the process: the path of its file",
    read: "FD",
    readUser: "FD",
    event: "file",
  },
  file: structure("path", "struct file *", "FILE", "file", "its path", "Use fd for a descriptor."),
  path: structure(
    "path",
    "struct path *",
    "PATH",
    "path",
    "the path",
    "Use string for a path, fd for a descriptor.",
  ),
  linux_binprm: structure(
    "path",
    "struct linux_binprm *",
    "BINPRM",
    "binprm",
    "the path of the program that is about to run",
    "Hook security_bprm_check with `syscall: false`.",
  ),
  sock: structure(
    "socket",
    "struct sock *",
    "SOCK",
    "sock",
    "addresses, ports, protocol, family, state",
    "Hook a function with a `struct sock *`, such as tcp_connect, with `syscall: false`.",
  ),
  sockaddr: structure(
    "address",
    "struct sockaddr *",
    "SOCKADDR",
    "sockaddr",
    "address, port, family",
    "Hook security_socket_connect or the like with `syscall: false`.",
  ),
  socket: structure(
    "socket",
    "struct socket *",
    "SOCKET",
    "sock",
    "addresses, ports, protocol, family, state of its `sock`",
    "Hook a function with a `struct socket *`, such as security_socket_connect, with `syscall: false`.",
  ),
  skb: structure(
    "packet",
    "struct sk_buff *",
    "SKB",
    "message",
    "addresses, ports, protocol, family of a packet, behind up to 8 extension headers of IPv6",
    "Hook a function with a `struct sk_buff *`, such as ip_output, with `syscall: false`.",
  ),
  dentry: structure(
    "path",
    "struct dentry *",
    "DENTRY",
    "path",
    "its path inside its file system, without the place where that is mounted",
    "Use string for a path, fd for a descriptor.",
  ),
  kiocb: structure(
    "path",
    "struct kiocb *",
    "KIOCB",
    "file",
    "the path of its file",
    "Use fd for a descriptor.",
  ),
  capability: {
    ...integer(true, 32, "S32", "message"),
    names: "capability",
    says: "the number of a capability",
  },
  bpf_cmd: {
    ...integer(true, 32, "S32", "message"),
    names: "bpf-command",
    says: "a command of bpf(2)",
  },
  syscall64: {
    ...integer(false, 64, "SYSCALL", "message"),
    says: "the number of a system call; those of 32-bit programs have 0x80000000 added",
    elsewhere: "It is the number of a system call, as raw_syscalls/sys_enter has it.",
  },
  kernel_cap_t: capabilities,
  cap_inheritable: capabilities,
  cap_permitted: capabilities,
  cap_effective: capabilities,
  data_loc: {
    family: "text",
    says: "a dynamic text in a tracepoint's record",
    read: "DATA_LOC",
    readUser: "DATA_LOC",
    event: "string",
    elsewhere: "Use string.",
  },
  const_buf: {
    family: "bytes",
    says: "an array of bytes in a tracepoint's record",
    read: "BUFFER",
    readUser: "BUFFER",
    event: "bytes",
    elsewhere: "Use char_buf with `sizeArgIndex:`.",
  },
  user_namespace: shown(
    "struct user_namespace *",
    "USER_NS",
    "its level, its owner, and whether it is the host's",
    "Hook a function that has one, such as cap_capable, with `syscall: false`.",
  ),
  cred: shown(
    "struct cred *",
    "CRED",
    "users, groups, capabilities, user namespace",
    "Hook a function that has one, such as commit_creds, with `syscall: false`.",
  ),
  bpf_attr: shown(
    "union bpf_attr *",
    "BPF_ATTR",
    "type and name of a program that is being loaded: at bpf_check, or security_bpf with a filter on the command",
    hookSecurityBpf,
  ),
  bpf_prog: shown("struct bpf_prog *", "BPF_PROG", "its type and its name", hookSecurityBpf),
  bpf_map: shown(
    "struct bpf_map *",
    "BPF_MAP",
    "its type, its name and its sizes",
    hookSecurityBpf,
  ),
  perf_event: shown(
    "struct perf_event *",
    "PERF_EVENT",
    "its type, and the function of a probe",
    "Hook security_perf_event_alloc with `syscall: false`.",
  ),
  module: shown(
    "struct module *",
    "MODULE",
    "its name, whether its signature is valid, its taints",
    hookModules,
  ),
  load_info: shown(
    "struct load_info *",
    "LOAD_INFO",
    "the same, of a module that is being loaded",
    hookModules,
  ),
  net_device: structure(
    "text",
    "struct net_device *",
    "NET_DEVICE",
    "message",
    "its name",
    "Hook a function with a `struct net_device *`, such as dev_hard_start_xmit, with `syscall: false`.",
  ),
  nop: {
    family: "nothing",
    says: "nothing is read",
    read: "NONE",
    readUser: "NONE",
    event: "int",
  },
} as const satisfies Readonly<Record<string, Row>>;

/** Types of the language that nothing reads yet: what to write instead, if there is anything. */
const unsupported = {
  sockaddr_un: "Use sockaddr, which tells the family.",
} as const;

type ArgTypes = typeof argTypes;

/** What a return value can be read as, beside numbers. */
export const returnedTypes = [
  "string",
  "filename",
  "fd",
  "file",
  "path",
  "dentry",
  "kiocb",
  "linux_binprm",
  "sock",
] as const satisfies readonly (keyof ArgTypes)[];

/** Aliases resolved (`int32` and `sint32` are `int`). */
export type ArgType = keyof ArgTypes;

type AliasesOf<R> = R extends { readonly aliases: readonly (infer A)[] } ? A : never;

/** Every name that a policy may use. */
type ArgTypeName = ArgType | AliasesOf<ArgTypes[ArgType]> | "auto" | keyof typeof unsupported;

/** The types whose events have a field that events/structures.ts of the sensor chooses. */
export type MessageArgType = {
  [T in ArgType]: ArgTypes[T]["event"] extends "message" ? T : never;
}[ArgType];

export type ArgTypeRow = Row & {
  readonly type: ArgType;
  readonly read: ArgTypes[ArgType]["read"];
  readonly readUser?: Extract<ArgTypes[ArgType], { readUser: string }>["readUser"];
  readonly event: ArgTypes[ArgType]["event"];
};

/** Each once. */
export const argTypeRows: readonly ArgTypeRow[] = Object.entries(argTypes).map(([type, row]) => ({
  ...row,
  type: type as ArgType,
}));

/** Each by all its names. */
export const argTypesByName: ReadonlyMap<string, ArgTypeRow> = new Map(
  argTypeRows.flatMap((row) => [row.type, ...(row.aliases ?? [])].map((name) => [name, row])),
);

export const argTypeNames = [
  ...argTypesByName.keys(),
  // That of the C type which the argument has in the kernel.
  "auto",
  ...Object.keys(unsupported),
] as readonly string[] as readonly ArgTypeName[];

export const unsupportedArgTypeNames = Object.keys(unsupported) as readonly ArgTypeName[];

const byType = Object.fromEntries(argTypeRows.map((row) => [row.type, row])) as Readonly<
  Record<ArgType, ArgTypeRow>
>;

/** By canonical name. */
export const typeRow = (type: ArgType): ArgTypeRow => byType[type];

/** What to write instead of an unsupported type; empty if there is nothing. */
export const insteadOfArgType = (name: ArgTypeName): string =>
  new Map<string, string>(Object.entries(unsupported)).get(name) ?? "";
