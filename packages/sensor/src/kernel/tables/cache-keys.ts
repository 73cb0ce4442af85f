// SPDX-License-Identifier: Apache-2.0
import type { LinkedHook } from "../../link/linked-tables.ts";

/** By hook id. */
export type CacheKeys = ReadonlyMap<number, number>;

/**
 * Keys under which hooks cache what their index finds. Each is used once, so that results of older tables are never
 * found again (bpf/cache.bpf.h): therefore the last key is kept in the kernel, like that cache. 0 means none.
 */
export function createCacheKeys(last: { readonly words: Int32Array; readonly at: number }) {
  const next = (): number => {
    const { words, at } = last;
    const key = ((Atomics.load(words, at) >>> 0) % lastKey) + 1;
    Atomics.store(words, at, key | 0);
    return key;
  };
  return (hooks: readonly Pick<LinkedHook, "id" | "index">[]): CacheKeys =>
    new Map(hooks.flatMap(({ id, index }) => (index === undefined ? [] : [[id, next()]])));
}

/** It fits in 32 bits. After it come keys that no cache holds now. */
const lastKey = 2 ** 32 - 1;
