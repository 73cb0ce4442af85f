// SPDX-License-Identifier: Apache-2.0
import type { LinkedHook } from "../../link/linked-tables.ts";
import type { Side } from "./sided-memory.ts";
import type { IndexKeys } from "./table-writer.ts";

/**
 * Keys of hooks in the index maps. Each is used once, so that results that hooks cached under an older key
 * are never found again (bpf/cache.bpf.h): therefore the last key is kept in the kernel, like that cache. The
 * lowest bit is the side. 0 means none.
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

/** Two keys with it fit in 30 bits (bpf/abi.h: BINARY_KEYS, ENDING_KEYS). After it come keys that no cache holds now. */
const lastNumber = 2 ** 29 - 1;
