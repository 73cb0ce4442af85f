// SPDX-License-Identifier: Apache-2.0
import { BtfError } from "./btf-error.ts";
import { type BtfKind, btfKinds } from "./btf-kinds.ts";

/**
 * Types in the BPF Type Format (Documentation/bpf/btf.rst), kept as the bytes they came in: the
 * kernel has 130,000 of them and most are never read. A module's types build on the kernel's:
 * their ids go on after those of `base`.
 */
export interface Btf {
  readonly base: Btf | undefined;
  /** The first id of these types, and the one after the last. Id 0 is void. */
  readonly firstId: number;
  readonly endId: number;
  readonly bytes: Buffer;
  /** The same memory as 32-bit words, which types consist of. */
  readonly words: Uint32Array;
  /** Where in `bytes` each type begins, by id - firstId. */
  readonly offsets: Uint32Array;
  /** Where in `bytes` the names begin, and which name offset that is. */
  readonly stringsAt: number;
  readonly stringsEnd: number;
  readonly firstString: number;
}

const magic = 0xeb9f;
const typeWords = 3;

/** Words that follow a type of each kind: once, and for each of its `vlen` parts. */
const extraWords: Readonly<Record<BtfKind, readonly [once: number, each: number]>> = {
  void: [0, 0],
  int: [1, 0],
  ptr: [0, 0],
  array: [3, 0],
  struct: [0, 3],
  union: [0, 3],
  enum: [0, 2],
  fwd: [0, 0],
  typedef: [0, 0],
  volatile: [0, 0],
  const: [0, 0],
  restrict: [0, 0],
  func: [0, 0],
  func_proto: [0, 2],
  var: [1, 0],
  datasec: [0, 3],
  float: [0, 0],
  decl_tag: [1, 0],
  type_tag: [0, 0],
  enum64: [0, 3],
};
const wordsOnce = Uint8Array.from(btfKinds, (kind) => extraWords[kind][0]);
const wordsEach = Uint8Array.from(btfKinds, (kind) => extraWords[kind][1]);

/** Reads BTF bytes; throws BtfError "FORMAT" where they aren't, or are cut. */
export function parseBtf(bytes: Uint8Array, base?: Btf): Btf {
  // Words must be aligned, which a part of a file need not be.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  const data = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
  if (data.length < 24 || data.readUInt16LE(0) !== magic || data.readUInt8(2) !== 1)
    throw formatError("its magic number or version is another one");
  const header = data.readUInt32LE(4);
  const [typesAt, typesLength, stringsOffset, stringsLength] = [8, 12, 16, 20].map((at) =>
    data.readUInt32LE(at),
  ) as [number, number, number, number];
  const typesStart = header + typesAt;
  const typesEnd = typesStart + typesLength;
  const stringsAt = header + stringsOffset;
  if (typesEnd > data.length || stringsAt + stringsLength > data.length)
    throw formatError("it is cut");
  const firstId = base?.endId ?? 1;
  if ((typesStart | typesLength) % 4 !== 0) throw formatError("its types aren't aligned");
  const offsets = indexTypes(words, typesStart >>> 2, typesEnd >>> 2);
  return {
    base,
    firstId,
    endId: firstId + offsets.length,
    bytes: data,
    words,
    offsets,
    stringsAt,
    stringsEnd: stringsAt + stringsLength,
    firstString: base === undefined ? 0 : base.firstString + base.stringsEnd - base.stringsAt,
  };
}

/**
 * Gives the memory of types back at once, instead of when the garbage is collected. They, and modules'
 * on top of them, can't be read any more.
 */
export function releaseBtf({ bytes, offsets }: Btf): void {
  // A part of other memory isn't ours.
  for (const { buffer, byteLength } of [bytes, offsets])
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function indexTypes(words: Uint32Array, start: number, end: number): Uint32Array {
  const offsets = new Uint32Array((end - start) / typeWords + 1);
  let count = 0;
  for (let at = start; at < end; ) {
    if (at + typeWords > end) throw formatError("its last type is cut");
    offsets[count++] = at * 4;
    const info = words[at + 1] as number;
    const kind = (info >>> 24) & 0x1f;
    if (kind >= btfKinds.length) throw formatError(`type ${count} is of an unknown kind`);
    const extra = (wordsOnce[kind] as number) + (wordsEach[kind] as number) * (info & 0xffff);
    at += typeWords + extra;
    if (at > end) throw formatError("its last type is cut");
  }
  return offsets.slice(0, count);
}

function formatError(reason: string): BtfError {
  return new BtfError("FORMAT", `Cannot read BTF: ${reason}.`);
}
