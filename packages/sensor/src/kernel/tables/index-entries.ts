// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import type { Network } from "@gander/policy";
import { defines } from "../../link/abi.gen.ts";
import type { LinkedHook } from "../../link/linked-tables.ts";
import { familyNumbers } from "./set-entries.ts";
import type { Side } from "./sided-memory.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";
import type { IndexKeys } from "./table-writer.ts";

/** The index maps: the rules of a hook that a number, a text or an address leaves. */
type IndexEntries = {
  /** Replaces everything in that side, which no program reads. */
  write(side: Side, hooks: readonly LinkedHook[], indexKeys: IndexKeys): void;
};

type IndexMaps = {
  readonly numbers: BpfMap;
  readonly texts: BpfMap;
  readonly networks: BpfMap;
  /** The map `listed`: both sides, half each. */
  readonly listed: BigUint64Array;
};

export function createIndexEntries(
  { numbers, texts, networks, listed }: IndexMaps,
  layouts: StructLayouts,
): IndexEntries {
  const encode = createEncoders(layouts);
  const maps = [
    createSidedEntries(numbers, fieldOf(layouts("index_int_key"), "index").offset),
    createSidedEntries(texts, fieldOf(layouts("index_text_key"), "index").offset),
    createSidedEntries(networks, fieldOf(layouts("index_addr_key"), "index").offset),
  ] as const;
  const [ofNumbers, ofTexts, ofNetworks] = maps;
  return {
    write(side, hooks, indexKeys) {
      for (const entries of maps) entries.clear(side);
      const half = listed.length / 2;
      const marks = listed.subarray(side * half, (side + 1) * half).fill(0n);
      for (const { id, index } of hooks) {
        if (index === undefined) continue;
        const hookKey = indexKeys.get(id) ?? 0;
        for (const [number, bitSet] of index.numbers) {
          mark(marks, hookKey, number);
          ofNumbers.add(side, encode.number(hookKey, number), bitSet);
        }
        for (const [prefix, bitSet] of index.prefixes)
          ofTexts.add(side, encode.text(hookKey, Buffer.from(prefix)), bitSet);
        const binaries = (hookKey | defines.BINARY_KEYS) >>> 0;
        for (const [path, bitSet] of index.binaries)
          ofTexts.add(side, encode.text(binaries, Buffer.from(path)), bitSet);
        for (const [key, endings] of [
          [hookKey, index.endings],
          [binaries, index.binaryEndings],
        ] as const) {
          for (const [ending, bitSet] of endings) {
            const backwards = Buffer.from(ending).reverse();
            ofTexts.add(side, encode.text((key | defines.ENDING_KEYS) >>> 0, backwards), bitSet);
          }
        }
        for (const [network, bitSet] of index.networks)
          ofNetworks.add(side, encode.network(hookKey, network), bitSet);
      }
    },
  };
}

/** Entries of one map, by side. Those of an earlier sensor are known only by their keys. */
function createSidedEntries(map: BpfMap, indexAt: number) {
  const written: Record<Side, Uint8Array[]> = { 0: [], 1: [] };
  for (const key of map.keys()) written[(key[indexAt] ?? 0) & 1 ? 1 : 0].push(key);
  return {
    clear(side: Side): void {
      for (const key of written[side]) map.delete(key);
      written[side] = [];
    },
    add(side: Side, key: Uint8Array, bitSet: number): void {
      written[side].push(key);
      map.set(key, new Uint8Array(Uint32Array.of(bitSet).buffer));
    },
  };
}

/** As is_unlisted in bpf/index.bpf.h looks for it. */
function mark(marks: BigUint64Array, index: number, number: bigint): void {
  const bit = BigInt.asUintN(64, (number + (BigInt(index) << 32n)) * defines.LISTED_FACTOR) >> 48n;
  marks[Number(bit >> 6n)] = (marks[Number(bit >> 6n)] ?? 0n) | (1n << (bit & 63n));
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
