// SPDX-License-Identifier: Apache-2.0
import type { LinkedHook } from "../../link/linked-tables.ts";
import type { IndexKeys, Side } from "./table-writer.ts";

/**
 * Keys of hooks in the index maps. Each is given out once, so that what hooks remember under an older
 * one is never found again (bpf/cache.bpf.h): so the last one is kept in the kernel, as the memory
 * is. The lowest bit is the side. 0 stands for none.
 */
export function createIndexKeys(last: { readonly words: Int32Array; readonly at: number }) {
  const next = (): number => {
    const { words, at } = last;
    const number = ((Atomics.load(words, at) >>> 0) % lastNumber) + 1;
    Atomics.store(words, at, number | 0);
    return number;
  };
  return (side: Side, hooks: readonly Pick<LinkedHook, "id" | "index">[]): IndexKeys =>
    new Map(
      hooks.flatMap(({ id, index }) => (index === undefined ? [] : [[id, 2 * next() + side]])),
    );
}

/** Of which two keys fit into 31 bits (bpf/abi.h: BINARY_KEYS). After it come those that nobody remembers any more. */
const lastNumber = 2 ** 30 - 1;
