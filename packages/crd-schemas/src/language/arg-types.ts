// SPDX-License-Identifier: Apache-2.0

/** How operators treat the values of a type. */
export type ValueFamily = "integer" | "text" | "path" | "bytes" | "socket" | "address" | "nothing";

type Row = {
  readonly family: ValueFamily;
  /** Other names for it in policies. */
  readonly aliases?: readonly string[];
  /** Integers: width and sign. */
  readonly bits?: 8 | 16 | 32 | 64;
  readonly signed?: boolean;
  /** How programs read it: a name of `enum value_type` (bpf/records.h) without VALUE_. */
  readonly read: string;
  /** The same in arguments of system calls, which point to process memory. */
  readonly readUser?: string;
  /** Without `readUser`: what to write for an argument of a system call. */
  readonly ofSyscall?: string;
  /** What it points to in the kernel. */
  readonly structure?: `struct ${string} *`;
  /** The field of KprobeArgument that carries it, without `_arg`. */
  readonly event: string;
};

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
) => ({ family: "integer", bits, signed, read, readUser: read, event, aliases }) as const;

const structure = <
  const Family extends ValueFamily,
  const Pointer extends `struct ${string} *`,
  const Read extends string,
  const Event extends string,
>(
  family: Family,
  pointer: Pointer,
  read: Read,
  event: Event,
  ofSyscall: string,
) => ({ family, structure: pointer, read, event, ofSyscall }) as const;

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
  string: { family: "text", read: "STRING", readUser: "USER_STRING", event: "string" },
  filename: structure("text", "struct filename *", "FILENAME", "string", "Use string."),
  char_buf: { family: "bytes", read: "BUFFER", readUser: "USER_BUFFER", event: "bytes" },
  fd: { family: "path", read: "FD", readUser: "FD", event: "file" },
  file: structure("path", "struct file *", "FILE", "file", "Use fd for a descriptor."),
  path: structure(
    "path",
    "struct path *",
    "PATH",
    "path",
    "Use string for a path, fd for a descriptor.",
  ),
  linux_binprm: structure(
    "path",
    "struct linux_binprm *",
    "BINPRM",
    "binprm",
    "Hook security_bprm_check with `syscall: false`.",
  ),
  sock: structure(
    "socket",
    "struct sock *",
    "SOCK",
    "sock",
    "Hook a function with a `struct sock *`, such as tcp_connect, with `syscall: false`.",
  ),
  sockaddr: structure(
    "address",
    "struct sockaddr *",
    "SOCKADDR",
    "sockaddr",
    "Hook security_socket_connect or the like with `syscall: false`.",
  ),
  nop: { family: "nothing", read: "NONE", readUser: "NONE", event: "int" },
} as const satisfies Readonly<Record<string, Row>>;

/** Types of the language that nothing reads yet: what to write instead, if there is anything. */
const unsupported = {
  auto: "",
  char_iovec: "Use nop to leave the argument out.",
  skb: "Hook the function where the connection is made (tcp_connect) and use type sock.",
  socket:
    "Hook a function with a `struct sock *`, such as tcp_connect, and use type sock; for the address a call is given use sockaddr.",
  sockaddr_un: "Use sockaddr, which tells the family.",
  bpf_attr: "",
  perf_event: "",
  bpf_map: "",
  user_namespace: "",
  capability: "Use int for the number of the capability.",
  kiocb: "Hook security_file_permission and use type file.",
  iov_iter: "Use nop to leave the argument out.",
  cred: "",
  const_buf: "Use nop to leave the argument out.",
  load_info: "",
  module: "",
  syscall64: "Use uint64 for the number of the system call.",
  kernel_cap_t: "",
  cap_inheritable: "",
  cap_permitted: "",
  cap_effective: "",
  data_loc: "Use string, which reads dynamic texts of tracepoints as well.",
  net_device: "",
  bpf_cmd: "Use int for the number of the command.",
  dentry: "Hook a function that takes a `struct path *` or a `struct file *` and use path or file.",
  bpf_prog: "",
} as const;

type ArgTypes = typeof argTypes;

/** Aliases resolved (`int32` and `sint32` are `int`). */
export type ArgType = keyof ArgTypes;

type AliasesOf<R> = R extends { readonly aliases: readonly (infer A)[] } ? A : never;

/** Every name that a policy may use. */
type ArgTypeName = ArgType | AliasesOf<ArgTypes[ArgType]> | keyof typeof unsupported;

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
  ...Object.keys(unsupported),
] as readonly string[] as readonly ArgTypeName[];

const byType = Object.fromEntries(argTypeRows.map((row) => [row.type, row])) as Readonly<
  Record<ArgType, ArgTypeRow>
>;

/** By canonical name. */
export const typeRow = (type: ArgType): ArgTypeRow => byType[type];

/** What to write instead of an unsupported type; empty if there is nothing. */
export const insteadOfArgType = (name: ArgTypeName): string =>
  new Map<string, string>(Object.entries(unsupported)).get(name) ?? "";
