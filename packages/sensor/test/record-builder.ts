// SPDX-License-Identifier: Apache-2.0
import { execFlags, recordFlags, recordType, textFlags, valueType } from "../src/link/abi.gen.ts";
import { headerLayouts } from "../src/records/header-layouts.ts";

/** Makes records as the kernel's programs write them, from the layouts of the header; for tests. */

export type BuiltKey = { readonly pid: number; readonly start: bigint };

export type BuiltText = { readonly bytes: Uint8Array; readonly flags?: number };

type Common = {
  readonly time: bigint;
  readonly process: BuiltKey;
  readonly parent: BuiltKey;
  readonly flags?: number;
  readonly cgroup?: bigint;
  readonly tid?: number;
  readonly uid?: number;
};

export type BuiltExec = Common & {
  readonly task?: boolean;
  readonly previous?: BuiltKey;
  readonly auid?: number;
  readonly execFlags?: number;
  readonly inode?: bigint;
  readonly links?: number;
  readonly path?: string | BuiltText;
  readonly filename?: string | BuiltText;
  readonly cwd?: string | BuiltText;
  readonly arguments?: readonly string[] | BuiltText;
  readonly credentials?: Readonly<Record<string, number | bigint>>;
  /** Its pid in its own pid namespace. */
  readonly nsPid?: number;
  readonly namespaces?: readonly number[];
};

export type BuiltArg = {
  readonly type: number;
  readonly flags?: number;
  readonly extra?: number;
  readonly content: Uint8Array;
};

export type BuiltHook = Common & {
  readonly rule: number;
  readonly selector?: number;
  readonly actions?: number;
  readonly done?: number;
  readonly error?: number;
  readonly args: readonly BuiltArg[];
  readonly kernelStack?: readonly bigint[];
  readonly userStack?: readonly bigint[];
};

const layouts = headerLayouts();

class StructWriter {
  readonly bytes: Buffer;
  constructor(size: number) {
    this.bytes = Buffer.alloc(Math.ceil(size / 8) * 8);
  }
  put(struct: string, field: string, width: 2 | 4 | 8 | 1, value: number | bigint, base = 0): void {
    const offset = layouts(struct).offsets[field];
    if (offset === undefined) throw new Error(`no field ${field} in ${struct}`);
    const at = base + offset;
    const number = BigInt.asUintN(width * 8, BigInt(value));
    if (width === 8) this.bytes.writeBigUInt64LE(number, at);
    else this.bytes.writeUIntLE(Number(number), at, width);
  }
  key(struct: string, field: string, key: BuiltKey): void {
    const base = layouts(struct).offsets[field] ?? 0;
    this.put("process_key", "start", 8, key.start, base);
    this.put("process_key", "pid", 4, key.pid, base);
  }
}

function common(w: StructWriter, type: number, record: Common): void {
  w.put("record", "type", 2, type);
  w.put("record", "flags", 2, record.flags ?? 0);
  w.put("record", "size", 4, w.bytes.length);
  w.put("record", "time", 8, record.time);
  w.put("record", "cgroup", 8, record.cgroup ?? 1n);
  w.key("record", "process", record.process);
  w.key("record", "parent", record.parent);
  w.put("record", "tid", 4, record.tid ?? record.process.pid);
  w.put("record", "uid", 4, record.uid ?? 0);
}

const textOf = (text: string | BuiltText | undefined): BuiltText =>
  typeof text === "object" ? text : { bytes: Buffer.from(text ?? "") };

export function buildExec(record: BuiltExec): Buffer {
  const args = record.arguments;
  const argumentText: BuiltText = Array.isArray(args)
    ? { bytes: Buffer.from(args.map((argument) => `${argument}\0`).join("")) }
    : textOf(args as BuiltText | undefined);
  const texts = [
    ["path", textOf(record.path)],
    ["filename", textOf(record.filename ?? (record.path as string))],
    ["cwd", textOf(record.cwd ?? "/")],
    ["arguments", argumentText],
    ["interp", textOf("")],
  ] as const;
  const fixed = layouts("record_exec").size;
  const total = texts.reduce((sum, [, { bytes }]) => sum + bytes.length, fixed);
  const w = new StructWriter(total);
  common(w, record.task === true ? recordType.RECORD_TASK : recordType.RECORD_EXEC, record);
  w.key("record_exec", "previous", record.previous ?? { pid: 0, start: 0n });
  w.put("record_exec", "flags", 4, record.execFlags ?? execFlags.EXEC_ROOT_CWD);
  w.put("record_exec", "inode", 8, record.inode ?? 42n);
  w.put("record_exec", "links", 4, record.links ?? 1);
  const privileges = layouts("record_exec").offsets.privileges ?? 0;
  const cred = privileges + (layouts("privileges").offsets.cred ?? 0);
  w.put("credentials", "auid", 4, record.auid ?? 0xffff_ffff, cred);
  for (const [field, value] of Object.entries(record.credentials ?? {}))
    w.put("credentials", field, typeof value === "bigint" ? 8 : 4, value, cred);
  w.put("record_exec", "ns_pid", 4, record.nsPid ?? record.process.pid);
  const namespaces = privileges + (layouts("privileges").offsets.namespaces ?? 0);
  for (const [index, id] of (record.namespaces ?? []).entries())
    w.bytes.writeUInt32LE(id, namespaces + 4 * index);
  let at = fixed;
  for (const [field, text] of texts) {
    const offset = layouts("record_exec").offsets[field] ?? 0;
    w.put("text", "size", 2, text.bytes.length, offset);
    w.put("text", "flags", 2, text.flags ?? 0, offset);
    w.bytes.set(text.bytes, at);
    at += text.bytes.length;
  }
  return w.bytes;
}

export function buildClone(record: Common): Buffer {
  const w = new StructWriter(layouts("record").size);
  common(w, recordType.RECORD_CLONE, record);
  return w.bytes;
}

export function buildExit(record: Common & { readonly status: number }): Buffer {
  const w = new StructWriter(layouts("record_exit").size);
  common(w, recordType.RECORD_EXIT, record);
  w.put("record_exit", "status", 4, record.status);
  return w.bytes;
}

export function buildCgroup(
  record: Common & {
    readonly removed?: boolean;
    readonly id: bigint;
    readonly parentId: bigint;
    readonly path: string;
  },
): Buffer {
  const fixed = layouts("record_cgroup").size;
  const path = Buffer.from(record.path);
  const w = new StructWriter(fixed + path.length);
  common(
    w,
    record.removed ? recordType.RECORD_CGROUP_RMDIR : recordType.RECORD_CGROUP_MKDIR,
    record,
  );
  w.put("record_cgroup", "id", 8, record.id);
  w.put("record_cgroup", "parent_id", 8, record.parentId);
  w.put("text", "size", 2, path.length, layouts("record_cgroup").offsets.path ?? 0);
  w.bytes.set(path, fixed);
  return w.bytes;
}

export function buildHook(record: BuiltHook): Buffer {
  const fixed = layouts("record_hook").size;
  const header = layouts("arg").size;
  const stacks = [...(record.kernelStack ?? []), ...(record.userStack ?? [])];
  const padded = ({ content }: BuiltArg) => header + Math.ceil(content.length / 8) * 8;
  const size = record.args.reduce((sum, arg) => sum + padded(arg), fixed) + 8 * stacks.length;
  const w = new StructWriter(size);
  common(w, recordType.RECORD_HOOK, record);
  w.put("record_hook", "rule", 4, record.rule);
  w.put("record_hook", "selector", 2, record.selector ?? 0);
  w.put("record_hook", "nargs", 1, record.args.length);
  w.put("record_hook", "actions", 4, record.actions ?? 1);
  w.put("record_hook", "done", 4, record.done ?? 0);
  w.put("record_hook", "error", 4, record.error ?? 0);
  w.put("record_hook", "kernel_stack", 2, record.kernelStack?.length ?? 0);
  w.put("record_hook", "user_stack", 2, record.userStack?.length ?? 0);
  let at = fixed;
  for (const arg of record.args) {
    w.put("arg", "type", 1, arg.type, at);
    w.put("arg", "flags", 1, arg.flags ?? 0, at);
    w.put("arg", "size", 2, arg.content.length, at);
    w.put("arg", "extra", 4, arg.extra ?? 0, at);
    w.bytes.set(arg.content, at + header);
    at += padded(arg);
  }
  for (const address of stacks) {
    w.bytes.writeBigUInt64LE(address, at);
    at += 8;
  }
  return w.bytes;
}

/** More of an argument of the hook record with the same time and thread, for the same rule. */
export function buildData(
  record: Common & {
    readonly rule: number;
    readonly argument?: number;
    readonly offset: number;
    readonly total: number;
    readonly content: Uint8Array;
  },
): Buffer {
  const { rule, argument = 0, offset, total, content } = record;
  const fixed = layouts("record_data").size;
  const w = new StructWriter(fixed + content.length);
  common(w, recordType.RECORD_DATA, record);
  for (const [field, value] of Object.entries({ rule, argument, offset, total }))
    w.put("record_data", field, 4, value);
  w.put("record_data", "bytes", 4, content.length);
  w.bytes.set(content, fixed);
  return w.bytes;
}

/** The hash that the events of the same thread since `since` wait for. */
export function buildHash(
  record: Common & {
    readonly since: bigint;
    readonly result?: number;
    readonly algorithm?: number;
    readonly digest?: Uint8Array;
  },
): Buffer {
  const w = new StructWriter(layouts("record_hash").size);
  common(w, recordType.RECORD_HASH, record);
  w.put("record_hash", "since", 8, record.since);
  w.put("record_hash", "result", 1, record.result ?? 0);
  w.put("record_hash", "algorithm", 1, record.algorithm ?? 4);
  w.bytes.set(record.digest ?? [], layouts("record_hash").offsets.digest);
  return w.bytes;
}

export function numberArg(type: number, value: bigint | number, flags = 0): BuiltArg {
  const content = Buffer.alloc(8);
  content.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return { type, flags, content };
}

export function pathArg(type: number, path: string | Uint8Array, mode = 0, flags = 0): BuiltArg {
  return { type, flags, extra: mode, content: typeof path === "string" ? Buffer.from(path) : path };
}

export function sockArg(
  sock: Readonly<Record<"family" | "type" | "protocol" | "state" | "sport" | "dport", number>> & {
    readonly cookie: bigint;
    readonly saddr: Uint8Array;
    readonly daddr: Uint8Array;
  },
  type: number = valueType.VALUE_SOCK,
): BuiltArg {
  const w = new StructWriter(layouts("sock_value").size);
  for (const field of ["family", "type", "protocol", "state", "sport", "dport"] as const)
    w.put("sock_value", field, 2, sock[field]);
  w.put("sock_value", "has_addr", 2, sock.saddr.length === 0 ? 0 : 1);
  w.put("sock_value", "cookie", 8, sock.cookie);
  w.bytes.set(sock.saddr, layouts("sock_value").offsets.saddr);
  w.bytes.set(sock.daddr, layouts("sock_value").offsets.daddr);
  return { type, content: w.bytes };
}

export { execFlags, recordFlags, textFlags, valueType };
