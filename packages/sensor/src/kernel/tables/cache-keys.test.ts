// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { LinkedHook } from "../../link/linked-tables.ts";
import { createCacheKeys } from "./cache-keys.ts";

const index = {} as NonNullable<LinkedHook["index"]>;
const hooks = [
  { id: 3, index },
  { id: 4, index: undefined },
  { id: 9, index },
];

describe("createCacheKeys", () => {
  it("gives each key once, and none to hooks without index", () => {
    const words = new Int32Array(3);
    const take = createCacheKeys({ words, at: 1 });
    expect([...take(hooks)]).toEqual([
      [3, 1],
      [9, 2],
    ]);
    expect([...take(hooks)]).toEqual([
      [3, 3],
      [9, 4],
    ]);
    expect([...words]).toEqual([0, 4, 0]);
  });
  it("goes on where an earlier sensor stopped", () => {
    const words = new Int32Array([41]);
    expect([...createCacheKeys({ words, at: 0 })([{ id: 1, index }]).values()]).toEqual([42]);
  });
  it("starts anew behind the last, and never gives 0", () => {
    const words = new Int32Array([-2]);
    const take = createCacheKeys({ words, at: 0 });
    const keys = [1, 2].flatMap(() => [...take([{ id: 1, index }]).values()]);
    expect(keys).toEqual([2 ** 32 - 1, 1]);
  });
});
