// SPDX-License-Identifier: Apache-2.0
import type { ArgType } from "../compiled-policy.ts";

/** What values of a type are to the operators. */
export type ValueFamily = "integer" | "text" | "path" | "bytes" | "socket" | "address" | "nothing";

export type ArgTypeRow = {
  /** The type with aliases resolved. */
  readonly type: ArgType;
  readonly family: ValueFamily;
  /** Integers: width and sign. */
  readonly bits?: 8 | 16 | 32 | 64;
  readonly signed?: boolean;
  /** A structure of the kernel: an argument of a system call can't point to one. */
  readonly kernelOnly?: true;
};

const signed = (type: ArgType, bits: 8 | 16 | 32 | 64): ArgTypeRow => ({
  type,
  family: "integer",
  bits,
  signed: true,
});
const unsigned = (type: ArgType, bits: 8 | 16 | 32 | 64): ArgTypeRow => ({
  type,
  family: "integer",
  bits,
  signed: false,
});

/** Every type that is supported, by each of its names. An argument type is added by a row here. */
export const argTypeTable: Readonly<Record<string, ArgTypeRow>> = {
  int8: signed("int8", 8),
  sint8: signed("int8", 8),
  uint8: unsigned("uint8", 8),
  int16: signed("int16", 16),
  sint16: signed("int16", 16),
  uint16: unsigned("uint16", 16),
  int: signed("int", 32),
  int32: signed("int", 32),
  sint32: signed("int", 32),
  uint32: unsigned("uint32", 32),
  long: signed("int64", 64),
  int64: signed("int64", 64),
  sint64: signed("int64", 64),
  ulong: unsigned("uint64", 64),
  uint64: unsigned("uint64", 64),
  size_t: unsigned("size_t", 64),
  string: { type: "string", family: "text" },
  filename: { type: "filename", family: "text", kernelOnly: true },
  char_buf: { type: "char_buf", family: "bytes" },
  fd: { type: "fd", family: "path" },
  file: { type: "file", family: "path", kernelOnly: true },
  path: { type: "path", family: "path", kernelOnly: true },
  linux_binprm: { type: "linux_binprm", family: "path", kernelOnly: true },
  sock: { type: "sock", family: "socket", kernelOnly: true },
  sockaddr: { type: "sockaddr", family: "address", kernelOnly: true },
  nop: { type: "nop", family: "nothing" },
};

/** By canonical name. */
export const typeRow = (type: ArgType): ArgTypeRow =>
  argTypeTable[type] ?? { type, family: "nothing" };

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
