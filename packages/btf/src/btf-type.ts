// SPDX-License-Identifier: Apache-2.0

import type { Btf } from "./btf.ts";
import { typeError } from "./btf-error.ts";
import { type BtfKind, btfKinds } from "./btf-kinds.ts";

export interface BtfMember {
  /** "" for an anonymous struct or union inside. */
  readonly name: string;
  readonly typeId: number;
  readonly bitOffset: number;
  /** Of a bit field; 0 for a plain member. */
  readonly bitSize: number;
}

interface Common {
  readonly id: number;
  /** "" where it has none. */
  readonly name: string;
}

/** One type, read out. Ids refer to the same Btf. */
export type BtfType =
  | (Common & { readonly kind: "void" })
  | (Common & {
      readonly kind: "int";
      readonly size: number;
      readonly signed: boolean;
      readonly isChar: boolean;
      readonly isBool: boolean;
      readonly bits: number;
      readonly bitOffset: number;
    })
  | (Common & { readonly kind: "float"; readonly size: number })
  | (Common & {
      readonly kind: "ptr" | "typedef" | "volatile" | "const" | "restrict" | "type_tag";
      readonly typeId: number;
    })
  | (Common & {
      readonly kind: "array";
      readonly elementTypeId: number;
      readonly indexTypeId: number;
      readonly length: number;
    })
  | (Common & {
      readonly kind: "struct" | "union";
      readonly size: number;
      readonly members: readonly BtfMember[];
    })
  | (Common & {
      readonly kind: "enum" | "enum64";
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    })
  | (Common & { readonly kind: "fwd"; readonly isUnion: boolean })
  | (Common & { readonly kind: "func"; readonly typeId: number; readonly linkage: number })
  | (Common & {
      readonly kind: "func_proto";
      readonly returnTypeId: number;
      /** The last one of type 0 stands for "…". */
      readonly parameters: readonly { readonly name: string; readonly typeId: number }[];
    })
  | (Common & { readonly kind: "var"; readonly typeId: number; readonly linkage: number })
  | (Common & {
      readonly kind: "datasec";
      readonly size: number;
      readonly variables: readonly {
        readonly typeId: number;
        readonly offset: number;
        readonly size: number;
      }[];
    })
  | (Common & {
      readonly kind: "decl_tag";
      readonly typeId: number;
      /** Of the member or parameter it stands at, -1 for the type itself. */
      readonly componentIndex: number;
    });

/** The type with that id; throws where there is none. */
export function typeById(btf: Btf, id: number): BtfType {
  if (id === 0) return { id, kind: "void", name: "" };
  if (id < btf.firstId && btf.base !== undefined) return typeById(btf.base, id);
  const at = btf.offsets[id - btf.firstId];
  if (at === undefined) throw typeError(`There is no BTF type ${id}.`);
  return readType(btf, id, at);
}

/** Throws where that type is of another kind. */
export function typeOfKind<K extends BtfKind>(
  btf: Btf,
  id: number,
  kind: K,
): Extract<BtfType, { kind: K }> {
  const type = typeById(btf, id);
  if (type.kind === kind) return type as Extract<BtfType, { kind: K }>;
  throw typeError(`BTF type ${id} is a ${type.kind}, not a ${kind}.`);
}

/**
 * Ids by name and kind, all in one pass; names that aren't there are missing from the result. For
 * a module's BTF only its own types are looked at. The first of several wins, as in libbpf.
 */
export function findTypes(
  btf: Btf,
  kinds: BtfKind | readonly BtfKind[],
  names: Iterable<string>,
): Map<string, number> {
  const wanted = new Set(names);
  const found = new Map<string, number>();
  const isWantedKind = Uint8Array.from(btfKinds, (kind) => Number([kinds].flat().includes(kind)));
  const isWantedStart = markStarts(wanted);
  const { bytes, words, offsets, firstId, stringsAt, firstString } = btf;
  const lastStart = bytes.length - startBytes;
  for (let i = 0; i < offsets.length; i++) {
    const at = (offsets[i] as number) >>> 2;
    if (isWantedKind[((words[at + 1] as number) >>> 24) & 0x1f] === 0) continue;
    const offset = words[at] as number;
    // Decoding a name costs as much as all else together: few begin like one that is wanted.
    const nameAt = stringsAt + offset - firstString;
    if (isWantedStart !== undefined && offset >= firstString && nameAt <= lastStart)
      if (isWantedStart[startOf(bytes, nameAt)] === 0) continue;
    const name = stringAt(btf, offset);
    if (!wanted.has(name) || found.has(name)) continue;
    found.set(name, firstId + i);
    if (found.size === wanted.size) break;
  }
  return found;
}

const startBytes = 4;

/** Marks how the names start, their NUL included; undefined where one is too short for it. */
function markStarts(names: Iterable<string>): Uint8Array | undefined {
  const marks = new Uint8Array(0x10000);
  for (const name of names) {
    const bytes = Buffer.from(`${name}\0`, "latin1");
    if (bytes.length < startBytes) return undefined;
    marks[startOf(bytes, 0)] = 1;
  }
  return marks;
}

/** 16 bits made of the first four bytes. */
function startOf(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low ^ ((bytes[at + 2] as number) << 3) ^ ((bytes[at + 3] as number) << 7);
}

export function findType(
  btf: Btf,
  kinds: BtfKind | readonly BtfKind[],
  name: string,
): number | undefined {
  return findTypes(btf, kinds, [name]).get(name);
}

/** Names of a kind's types, in their order; for a module's BTF its own. */
export function* namesOfKind(btf: Btf, kind: BtfKind): Iterable<string> {
  const number = btfKinds.indexOf(kind);
  for (const offset of btf.offsets) {
    const at = offset >>> 2;
    if ((((btf.words[at + 1] as number) >>> 24) & 0x1f) === number)
      yield stringAt(btf, btf.words[at] as number);
  }
}

/** Longer than any symbol (KSYM_NAME_LEN): without a bound, many names could share megabytes. */
const maxNameBytes = 1024;

/** "" where there is none, or one that is too long to be one. */
function stringAt(btf: Btf, offset: number): string {
  if (offset < btf.firstString) return btf.base === undefined ? "" : stringAt(btf.base, offset);
  const { bytes } = btf;
  const start = btf.stringsAt + offset - btf.firstString;
  const last = Math.min(btf.stringsEnd, start + maxNameBytes);
  // Words are short: for them a loop is quicker than a call of indexOf, which has no end to stop at.
  let end = start;
  while (end < last && bytes[end] !== 0) end++;
  return end < last ? bytes.toString("latin1", start, end) : "";
}

interface Raw {
  readonly btf: Btf;
  readonly id: number;
  readonly name: string;
  /** Size or type, by kind. */
  readonly word: number;
  readonly flag: boolean;
  readonly count: number;
  /** Where the kind's own data begin. */
  readonly at: number;
}

function readType(btf: Btf, id: number, at: number): BtfType {
  const info = btf.bytes.readUInt32LE(at + 4);
  const kind = btfKinds[(info >>> 24) & 0x1f] as BtfKind;
  const raw: Raw = {
    btf,
    id,
    name: stringAt(btf, btf.bytes.readUInt32LE(at)),
    word: btf.bytes.readUInt32LE(at + 8),
    flag: info >>> 31 === 1,
    count: info & 0xffff,
    at: at + 12,
  };
  return readers[kind](raw, kind as never);
}

const reference = <K extends "ptr" | "typedef" | "volatile" | "const" | "restrict" | "type_tag">(
  { id, name, word }: Raw,
  kind: K,
): BtfType => ({ id, name, kind, typeId: word });

const readers: { readonly [K in BtfKind]: (raw: Raw, kind: K) => BtfType } = {
  void: ({ id }) => ({ id, name: "", kind: "void" }),
  int: ({ btf, id, name, word, at }) => {
    const encoding = btf.bytes.readUInt32LE(at);
    const flags = (encoding >>> 24) & 0x0f;
    return {
      id,
      name,
      kind: "int",
      size: word,
      signed: (flags & 1) !== 0,
      isChar: (flags & 2) !== 0,
      isBool: (flags & 4) !== 0,
      bits: encoding & 0xff,
      bitOffset: (encoding >>> 16) & 0xff,
    };
  },
  ptr: reference,
  typedef: reference,
  volatile: reference,
  const: reference,
  restrict: reference,
  type_tag: reference,
  array: ({ btf, id, name, at }) => ({
    id,
    name,
    kind: "array",
    elementTypeId: btf.bytes.readUInt32LE(at),
    indexTypeId: btf.bytes.readUInt32LE(at + 4),
    length: btf.bytes.readUInt32LE(at + 8),
  }),
  struct: readComposite,
  union: readComposite,
  enum: ({ btf, id, name, word, flag, count, at }) => ({
    id,
    name,
    kind: "enum",
    size: word,
    signed: flag,
    get values() {
      return parts(count, (i) => ({
        name: stringAt(btf, btf.bytes.readUInt32LE(at + 8 * i)),
        value: BigInt(
          flag ? btf.bytes.readInt32LE(at + 8 * i + 4) : btf.bytes.readUInt32LE(at + 8 * i + 4),
        ),
      }));
    },
  }),
  enum64: ({ btf, id, name, word, flag, count, at }) => ({
    id,
    name,
    kind: "enum64",
    size: word,
    signed: flag,
    get values() {
      return parts(count, (i) => ({
        name: stringAt(btf, btf.bytes.readUInt32LE(at + 12 * i)),
        value: flag
          ? btf.bytes.readBigInt64LE(at + 12 * i + 4)
          : btf.bytes.readBigUInt64LE(at + 12 * i + 4),
      }));
    },
  }),
  fwd: ({ id, name, flag }) => ({ id, name, kind: "fwd", isUnion: flag }),
  func: ({ id, name, word, count }) => ({ id, name, kind: "func", typeId: word, linkage: count }),
  func_proto: ({ btf, id, name, word, count, at }) => ({
    id,
    name,
    kind: "func_proto",
    returnTypeId: word,
    parameters: parts(count, (i) => ({
      name: stringAt(btf, btf.bytes.readUInt32LE(at + 8 * i)),
      typeId: btf.bytes.readUInt32LE(at + 8 * i + 4),
    })),
  }),
  var: ({ btf, id, name, word, at }) => ({
    id,
    name,
    kind: "var",
    typeId: word,
    linkage: btf.bytes.readUInt32LE(at),
  }),
  datasec: ({ btf, id, name, word, count, at }) => ({
    id,
    name,
    kind: "datasec",
    size: word,
    variables: parts(count, (i) => ({
      typeId: btf.bytes.readUInt32LE(at + 12 * i),
      offset: btf.bytes.readUInt32LE(at + 12 * i + 4),
      size: btf.bytes.readUInt32LE(at + 12 * i + 8),
    })),
  }),
  float: ({ id, name, word }) => ({ id, name, kind: "float", size: word }),
  decl_tag: ({ btf, id, name, word, at }) => ({
    id,
    name,
    kind: "decl_tag",
    typeId: word,
    componentIndex: btf.bytes.readInt32LE(at),
  }),
};

function readComposite(raw: Raw, kind: "struct" | "union"): BtfType {
  const { btf, id, name, word, flag, count, at } = raw;
  const read = (i: number): BtfMember => {
    const offset = btf.bytes.readUInt32LE(at + 12 * i + 8);
    return {
      name: stringAt(btf, btf.bytes.readUInt32LE(at + 12 * i)),
      typeId: btf.bytes.readUInt32LE(at + 12 * i + 4),
      // With the flag set, the upper byte is a bit field's size.
      bitOffset: flag ? offset & 0xff_ffff : offset,
      bitSize: flag ? offset >>> 24 : 0,
    };
  };
  let members: readonly BtfMember[] | undefined;
  return {
    ...{ id, name, kind, size: word },
    // Read only on demand: a caller that needs just the name may meet 65,535 of them, many times.
    get members() {
      members ??= parts(count, read);
      return members;
    },
  };
}

function parts<T>(count: number, read: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => read(index));
}
