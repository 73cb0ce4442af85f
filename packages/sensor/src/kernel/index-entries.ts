// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import type { LinkedHook } from "../policy/linked-tables.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";
import type { IndexKeys, Side } from "./table-writer.ts";

/** The index maps: which rules of a hook a number or a text leaves. */
export type IndexEntries = {
  /** Replaces everything of that side, which no program reads. */
  write(side: Side, hooks: readonly LinkedHook[], indexKeys: IndexKeys): void;
};

type Keys = { readonly numbers: Uint8Array[]; readonly texts: Uint8Array[] };

type IndexMaps = {
  readonly numbers: BpfMap;
  readonly texts: BpfMap;
  /** The map `listed`: both sides, half each. */
  readonly listed: BigUint64Array;
};

export function createIndexEntries(
  { numbers, texts, listed }: IndexMaps,
  layouts: StructLayouts,
): IndexEntries {
  const encode = createEncoders(layouts);
  const sideOf = createSideReader(layouts);
  // What an earlier sensor has left is known by its keys alone.
  const written: Record<Side, Keys> = {
    0: { numbers: [], texts: [] },
    1: { numbers: [], texts: [] },
  };
  for (const key of numbers.keys()) written[sideOf.number(key)].numbers.push(key);
  for (const key of texts.keys()) written[sideOf.text(key)].texts.push(key);
  return {
    write(side, hooks, indexKeys) {
      for (const key of written[side].numbers) numbers.delete(key);
      for (const key of written[side].texts) texts.delete(key);
      const keys: Keys = { numbers: [], texts: [] };
      written[side] = keys;
      const half = listed.length / 2;
      const marks = listed.subarray(side * half, (side + 1) * half).fill(0n);
      for (const { id, index } of hooks) {
        const hookKey = indexKeys.get(id) ?? 0;
        for (const [number, bitSet] of index?.numbers ?? []) {
          const key = encode.number(hookKey, number);
          keys.numbers.push(key);
          mark(marks, hookKey, number);
          numbers.set(key, u32(bitSet));
        }
        for (const [prefix, bitSet] of index?.prefixes ?? []) {
          const key = encode.text(hookKey, prefix);
          keys.texts.push(key);
          texts.set(key, u32(bitSet));
        }
      }
    },
  };
}

/** As is_unlisted in bpf/index.bpf.h looks for it. */
function mark(marks: BigUint64Array, index: number, number: bigint): void {
  const bit = BigInt.asUintN(64, (number + (BigInt(index) << 32n)) * listedFactor) >> 48n;
  marks[Number(bit >> 6n)] = (marks[Number(bit >> 6n)] ?? 0n) | (1n << (bit & 63n));
}

/** LISTED_FACTOR in bpf/abi.h */
const listedFactor = 0x9e3779b97f4a7c15n;

function createEncoders(layouts: StructLayouts) {
  const numberLayout = layouts("index_int_key");
  const textLayout = layouts("index_text_key");
  const writeNumber = createStructWriter(numberLayout, "index", "value");
  const writeText = createStructWriter(textLayout, "bits", "index");
  const textAt = fieldOf(textLayout, "text").offset;
  return {
    number(index: number, value: bigint): Uint8Array {
      const key = new Uint8Array(numberLayout.size);
      writeNumber(new DataView(key.buffer), 0, { index, value });
      return key;
    },
    text(index: number, prefix: string): Uint8Array {
      const key = new Uint8Array(textLayout.size);
      const bytes = Buffer.from(prefix);
      writeText(new DataView(key.buffer), 0, { bits: 32 + 8 * bytes.length, index });
      key.set(bytes, textAt);
      return key;
    },
  };
}

function createSideReader(layouts: StructLayouts) {
  const reader = (struct: string) => {
    const { offset } = fieldOf(layouts(struct), "index");
    return (key: Uint8Array): Side => ((key[offset] ?? 0) & 1 ? 1 : 0);
  };
  return { number: reader("index_int_key"), text: reader("index_text_key") };
}

function u32(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}
