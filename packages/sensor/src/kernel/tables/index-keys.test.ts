// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { LinkedHook } from "../../link/linked-tables.ts";
import { createIndexKeys } from "./index-keys.ts";

const index = {} as NonNullable<LinkedHook["index"]>;
const hooks = [
  { id: 3, index },
  { id: 4, index: undefined },
  { id: 9, index },
];

describe("createIndexKeys", () => {
  it("gives each key once, with the side as its lowest bit, and none to hooks without index", () => {
    const words = new Int32Array(3);
    const take = createIndexKeys({ words, at: 1 });
    expect([...take(1, hooks)]).toEqual([
      [3, 3],
      [9, 5],
    ]);
    expect([...take(0, hooks)]).toEqual([
      [3, 6],
      [9, 8],
    ]);
    expect([...words]).toEqual([0, 4, 0]);
  });
  it("goes on where an earlier sensor stopped", () => {
    const words = new Int32Array([41]);
    expect([...createIndexKeys({ words, at: 0 })(0, [{ id: 1, index }]).values()]).toEqual([84]);
  });
  it("starts anew behind the last, and never gives 0", () => {
    const words = new Int32Array([2 ** 29 - 2]);
    const take = createIndexKeys({ words, at: 0 });
    const keys = [take(1, [{ id: 1, index }]), take(0, [{ id: 1, index }])].flatMap((one) => [
      ...one.values(),
    ]);
    expect(keys).toEqual([2 ** 30 - 1, 2]);
  });
});
