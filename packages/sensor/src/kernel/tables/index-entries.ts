// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import type { Network } from "@gander/policy";
import { defines } from "../../link/abi.gen.ts";
import type { LinkedHook, RuleIndex } from "../../link/linked-tables.ts";
import { indexKey } from "./index-key.ts";
import { familyNumbers } from "./set-entries.ts";
import type { Side } from "./sided-memory.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";

/** The index maps: the rules of a hook that a number, a text or an address leaves. */
export type IndexEntries = {
  /**
   * Gives that side, which no program reads, the entries of these hooks and no others. It writes only what differs from
   * what the side has; after a failure, and the first time, it writes all.
   * @returns how many entries it has written or deleted.
   */
  write(side: Side, hooks: readonly LinkedHook[]): number;
};

export type IndexMap = Pick<BpfMap, "keys" | "updateMany" | "deleteMany">;

type IndexMaps = {
  readonly numbers: IndexMap;
  readonly texts: IndexMap;
  readonly networks: IndexMap;
  /** The map `listed`: both sides, half each. */
  readonly listed: BigUint64Array;
};

/** By the key of its hook, what a side has of an index. */
type Held = ReadonlyMap<number, RuleIndex>;

export function createIndexEntries(
  { numbers, texts, networks, listed }: IndexMaps,
  layouts: StructLayouts,
): IndexEntries {
  const encode = createEncoders(layouts);
  const { BINARY_KEYS, ENDING_KEYS } = defines;
  const text = (flags: number) => (key: number, value: string) =>
    encode.text((key | flags) >>> 0, Buffer.from(value));
  const ending = (flags: number) => (key: number, value: string) =>
    encode.text((key | flags | ENDING_KEYS) >>> 0, Buffer.from(value).reverse());
  const lists = [
    listIn(numbers, (index) => index.numbers, encode.number),
    listIn(texts, (index) => index.prefixes, text(0)),
    listIn(texts, (index) => index.endings, ending(0)),
    listIn(texts, (index) => index.binaries, text(BINARY_KEYS)),
    listIn(texts, (index) => index.binaryEndings, ending(BINARY_KEYS)),
    listIn(networks, (index) => index.networks, encode.network),
  ];
  const clears = [
    clearing(numbers, fieldOf(layouts("index_int_key"), "index").offset),
    clearing(texts, fieldOf(layouts("index_text_key"), "index").offset),
    clearing(networks, fieldOf(layouts("index_addr_key"), "index").offset),
  ];
  /** Undefined: an earlier sensor wrote that side, or writing it has failed. */
  const held: Record<Side, Held | undefined> = { 0: undefined, 1: undefined };
  return {
    write(side, hooks) {
      const wanted = new Map(
        hooks.flatMap((hook) => (hook.index ? [[indexKey(side, hook), hook.index] as const] : [])),
      );
      const before = held[side];
      held[side] = undefined;
      let written = 0;
      if (before === undefined) for (const clear of clears) written += clear(side);
      for (const change of lists) written += change(before ?? new Map(), wanted);
      held[side] = wanted;
      markListed(listed, side, wanted);
      return written;
    },
  };
}

/** Brings the entries of one list of each index from what a map has to what it is to have. */
function listIn<Key>(
  map: IndexMap,
  listOf: (index: RuleIndex) => ReadonlyMap<Key, number>,
  encode: (hookKey: number, key: Key) => Uint8Array,
) {
  const none: ReadonlyMap<Key, number> = new Map();
  const listsIn = (indexes: Held, key: number) => {
    const index = indexes.get(key);
    return index === undefined ? none : listOf(index);
  };
  return (before: Held, wanted: Held): number => {
    const gone: Uint8Array[] = [];
    for (const [hookKey, index] of before) {
      const now = listsIn(wanted, hookKey);
      for (const key of listOf(index).keys()) if (!now.has(key)) gone.push(encode(hookKey, key));
    }
    const [keys, values]: [Uint8Array[], number[]] = [[], []];
    for (const [hookKey, index] of wanted) {
      const had = listsIn(before, hookKey);
      for (const [key, bitSet] of listOf(index)) {
        if (had.get(key) === bitSet) continue;
        keys.push(encode(hookKey, key));
        values.push(bitSet);
      }
    }
    // First, as two keys of a list may be the same bytes (a network, written twice).
    if (gone.length > 0) map.deleteMany(Buffer.concat(gone));
    if (keys.length > 0)
      map.updateMany(Buffer.concat(keys), new Uint8Array(Uint32Array.from(values).buffer));
    return gone.length + keys.length;
  };
}

/** Deletes all entries of a side. */
function clearing(map: IndexMap, indexAt: number) {
  return (side: Side): number => {
    const keys = [...map.keys()].filter((key) => ((key[indexAt] ?? 0) & 1) === side);
    if (keys.length > 0) map.deleteMany(Buffer.concat(keys));
    return keys.length;
  };
}

/** As is_unlisted in bpf/index.bpf.h looks for it. */
function markListed(listed: BigUint64Array, side: Side, indexes: Held): void {
  const half = listed.length / 2;
  const marks = listed.subarray(side * half, (side + 1) * half).fill(0n);
  for (const [hookKey, { numbers }] of indexes) {
    for (const number of numbers.keys()) {
      const product = (number + (BigInt(hookKey) << 32n)) * defines.LISTED_FACTOR;
      const bit = BigInt.asUintN(64, product) >> 48n;
      marks[Number(bit >> 6n)] = (marks[Number(bit >> 6n)] ?? 0n) | (1n << (bit & 63n));
    }
  }
}

function createEncoders(layouts: StructLayouts) {
  const numberLayout = layouts("index_int_key");
  const textLayout = layouts("index_text_key");
  const networkLayout = layouts("index_addr_key");
  const writeNumber = createStructWriter(numberLayout, "index", "value");
  const writeText = createStructWriter(textLayout, "bits", "index");
  const writeNetwork = createStructWriter(networkLayout, "bits", "index", "family");
  const textAt = fieldOf(textLayout, "text").offset;
  const addressAt = fieldOf(networkLayout, "addr").offset;
  return {
    number(index: number, value: bigint): Uint8Array {
      const key = new Uint8Array(numberLayout.size);
      writeNumber(new DataView(key.buffer), 0, { index, value });
      return key;
    },
    text(index: number, bytes: Uint8Array): Uint8Array {
      const key = new Uint8Array(textLayout.size);
      writeText(new DataView(key.buffer), 0, { bits: 32 + 8 * bytes.length, index });
      key.set(bytes, textAt);
      return key;
    },
    network(index: number, { family, address, prefixLength }: Network): Uint8Array {
      const key = new Uint8Array(networkLayout.size);
      const bits = 64 + prefixLength;
      writeNetwork(new DataView(key.buffer), 0, { bits, index, family: familyNumbers[family] });
      key.set(Buffer.from(address, "hex"), addressAt);
      return key;
    },
  };
}
