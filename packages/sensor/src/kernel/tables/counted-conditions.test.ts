// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { configFlags } from "../../link/abi.gen.ts";
import { createConfigFlags } from "./config-flags.ts";
import { createCountedConditions } from "./counted-conditions.ts";

/** With an entry for each condition; `entries` is what the kernel still has. */
function create(before: readonly bigint[] = [], entries: readonly bigint[] = before) {
  const conditions = BigUint64Array.from({ length: 6 }, (_, i) => before[i] ?? 0n);
  const words = new Int32Array(1);
  const kernel = { entries: new Set(entries), used: before.length, sweeps: 0 };
  const counted = createCountedConditions({
    flags: createConfigFlags(words, 0),
    conditions,
    setUsed: (places) => {
      kernel.used = places;
    },
    sweep: () => {
      kernel.sweeps++;
      for (const one of kernel.entries) if (!conditions.includes(one)) kernel.entries.delete(one);
    },
  });
  return {
    counted,
    kernel,
    listed: () => [...conditions.subarray(0, kernel.used)].filter((one) => one !== 0n),
    count: (...these: readonly bigint[]) => {
      for (const one of these) kernel.entries.add(one);
    },
    isOn: () => words[0] === configFlags.CONFIG_TALLIES,
  };
}

const set = (...these: readonly bigint[]) => new Set(these);

describe("createCountedConditions", () => {
  it("lists what rows count by, and removes what was counted by others", () => {
    const { counted, kernel, listed, count, isOn } = create();
    counted.keepOnly(set());
    expect(kernel.sweeps).toBe(0);
    counted.add(set(10n, 12n));
    count(10n, 12n);
    counted.keepOnly(set(10n, 12n));
    counted.add(set(12n, 14n));
    count(14n);
    expect([listed(), isOn()]).toEqual([[10n, 12n, 14n], true]);
    counted.keepOnly(set(12n, 14n));
    expect([listed(), [...kernel.entries], kernel.used]).toEqual([[12n, 14n], [12n, 14n], 3]);
    counted.keepOnly(set(12n, 14n));
    expect(kernel.sweeps).toBe(2);
    counted.keepOnly(set());
    expect([listed(), kernel.entries.size, kernel.used, isOn()]).toEqual([[], 0, 0, false]);
  });
  it("goes on with the list of an earlier sensor, which may have died before it swept", () => {
    const { counted, kernel, listed } = create([8192n * 7n, 8192n * 3n + 5n], [2n, 8192n * 7n]);
    expect(counted.highestRule()).toBe(7);
    counted.add(set(8192n * 7n));
    expect(listed()).toHaveLength(2);
    expect([...kernel.entries]).toEqual([8192n * 7n]);
  });
  it("has room again after policies that could not be put in force", () => {
    const { counted, listed } = create();
    counted.add(set(2n, 4n));
    counted.keepOnly(set(2n, 4n));
    for (let i = 10n; i < 30n; i += 2n) counted.add(set(2n, 4n, i, i + 1n));
    expect(listed()).toHaveLength(4);
    expect(() => counted.add(set(1n, 3n, 5n, 7n, 9n))).toThrow("too many");
  });
});
