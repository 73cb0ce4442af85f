// SPDX-License-Identifier: Apache-2.0
import {
  type Btf,
  fieldsOfType,
  findType,
  type ReadValue,
  readValue,
  sizeOfType,
} from "../../packages/libbpf/src/index.ts";

export interface Key {
  readonly start: bigint;
  readonly pid: number;
}

export interface Arg {
  readonly type: number;
  readonly flags: number;
  readonly extra: number;
  readonly bytes: Buffer;
}

export interface Text {
  readonly flags: number;
  readonly bytes: Buffer;
}

/** A record of any type; fields that its type lacks are undefined. */
export interface AnyRecord {
  readonly type: number;
  readonly flags: number;
  readonly size: number;
  readonly time: bigint;
  readonly cgroup: bigint;
  readonly process: Key;
  readonly parent: Key;
  readonly tid: number;
  readonly uid: number;
  /** The fields of its own struct. */
  readonly own: { readonly [field: string]: ReadValue };
  readonly texts: { readonly [field: string]: Text };
  readonly args: readonly Arg[];
}

const structs: Readonly<Record<number, string>> = {
  1: "record_exec",
  3: "record_exit",
  4: "record_hook",
  5: "record_exec",
  6: "record_cgroup",
  7: "record_cgroup",
};

/** Decodes plainly, by the types in BTF. */
export function decodeRecord(btf: Btf, source: Uint8Array): AnyRecord {
  const bytes = Buffer.from(source); // the ring's bytes are overwritten
  const header = decode(btf, "record", bytes);
  const type = Number(header.type);
  const name = structs[type];
  const own = name === undefined ? {} : decode(btf, name, bytes);
  const fixed = sizeOf(btf, name ?? "record");
  return {
    ...(header as unknown as AnyRecord),
    own,
    texts: name === undefined || name === "record_hook" ? {} : texts(btf, name, own, bytes, fixed),
    args: name === "record_hook" ? args(btf, Number(own.nargs), bytes, fixed) : [],
  };
}

const ids = new Map<string, number>();

function idOf(btf: Btf, struct: string): number {
  const id = ids.get(struct) ?? findType(btf, "struct", struct);
  if (id === undefined) throw new Error(`there is no struct ${struct}`);
  ids.set(struct, id);
  return id;
}

const sizeOf = (btf: Btf, struct: string) => sizeOfType(btf, idOf(btf, struct));

function decode(btf: Btf, struct: string, bytes: Buffer): { [field: string]: ReadValue } {
  return readValue(btf, idOf(btf, struct), bytes) as { [field: string]: ReadValue };
}

function texts(
  btf: Btf,
  struct: string,
  own: { readonly [field: string]: ReadValue },
  bytes: Buffer,
  fixed: number,
) {
  const all: { [field: string]: Text } = {};
  const textId = idOf(btf, "text");
  let at = fixed;
  for (const field of fieldsOfType(btf, idOf(btf, struct))) {
    if (field.typeId !== textId) continue;
    const { size, flags } = own[field.path] as { size: number; flags: number };
    all[field.path] = { flags, bytes: bytes.subarray(at, at + size) };
    at += size;
  }
  return all;
}

function args(btf: Btf, count: number, bytes: Buffer, fixed: number): Arg[] {
  const header = sizeOf(btf, "arg");
  let at = fixed;
  return Array.from({ length: count }, () => {
    const { type, flags, size, extra } = decode(btf, "arg", bytes.subarray(at)) as Record<
      string,
      number
    >;
    const start = at + header;
    at = start + (((size ?? 0) + 7) & ~7);
    return { type, flags, extra, bytes: bytes.subarray(start, start + (size ?? 0)) } as Arg;
  });
}
