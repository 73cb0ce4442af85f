// SPDX-License-Identifier: Apache-2.0

/** What values of a type are to the operators. */
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
  /** The same in arguments of system calls, which point to memory of the process; absent: it can't stand there. */
  readonly readUser?: string;
  /** What it points to in the kernel. */
  readonly structure?: `struct ${string} *`;
  /** The field of KprobeArgument that carries it, without `_arg`. */
  readonly event: string;
};

const integer = <const Read extends string, const Event extends string>(
  signed: boolean,
  bits: 8 | 16 | 32 | 64,
  read: Read,
  event: Event,
  ...aliases: readonly string[]
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
) => ({ family, structure: pointer, read, event }) as const;

/**
 * The argument types that are supported. One is added by a row here; the list of the CRDs
 * (`packages/crd-schemas/src/hook-schemas.ts`) has its names already or gets them, and a value that
 * no program reads yet needs a `VALUE_` in bpf/records.h with its case in bpf/args.bpf.h.
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
  filename: structure("text", "struct filename *", "FILENAME", "string"),
  char_buf: { family: "bytes", read: "BUFFER", readUser: "USER_BUFFER", event: "bytes" },
  fd: { family: "path", read: "FD", readUser: "FD", event: "file" },
  file: structure("path", "struct file *", "FILE", "file"),
  path: structure("path", "struct path *", "PATH", "path"),
  linux_binprm: structure("path", "struct linux_binprm *", "BINPRM", "binprm"),
  sock: structure("socket", "struct sock *", "SOCK", "sock"),
  sockaddr: structure("address", "struct sockaddr *", "SOCKADDR", "sockaddr"),
  nop: { family: "nothing", read: "NONE", readUser: "NONE", event: "int" },
} as const satisfies Readonly<Record<string, Row>>;

/** Type names of the policy language, aliases resolved (`int32` and `sint32` are `int`). */
export type ArgType = keyof typeof argTypes;

export type ArgTypeRow = Row & {
  readonly type: ArgType;
  readonly read: (typeof argTypes)[ArgType]["read"];
  readonly readUser?: Extract<(typeof argTypes)[ArgType], { readUser: string }>["readUser"];
  readonly event: (typeof argTypes)[ArgType]["event"];
};

/** Each once. */
export const argTypeRows: readonly ArgTypeRow[] = Object.entries(argTypes).map(([type, row]) => ({
  ...row,
  type: type as ArgType,
}));

const byType = Object.fromEntries(argTypeRows.map((row) => [row.type, row])) as Readonly<
  Record<ArgType, ArgTypeRow>
>;

/** By each of their names. */
export const argTypeTable: Readonly<Record<string, ArgTypeRow>> = Object.fromEntries(
  argTypeRows.flatMap((row) => [row.type, ...(row.aliases ?? [])].map((name) => [name, row])),
);

/** By canonical name. */
export const typeRow = (type: ArgType): ArgTypeRow => byType[type];

/** What to use instead of a type that is not supported yet. */
export const replacements: Readonly<Record<string, string>> = {
  socket:
    "Hook a function with a `struct sock *`, such as tcp_connect, and use type sock; for the address a call is given use sockaddr.",
  skb: "Hook the function where the connection is made (tcp_connect) and use type sock.",
  sockaddr_un: "Use sockaddr, which tells the family.",
  dentry: "Hook a function that takes a `struct path *` or a `struct file *` and use path or file.",
  kiocb: "Hook security_file_permission and use type file.",
  iov_iter: "Use nop to leave the argument out.",
  char_iovec: "Use nop to leave the argument out.",
  syscall64: "Use uint64 for the number of the system call.",
  bpf_cmd: "Use int for the number of the command.",
  capability: "Use int for the number of the capability.",
  data_loc: "Use string, which reads dynamic texts of tracepoints as well.",
  const_buf: "Use nop to leave the argument out.",
};
