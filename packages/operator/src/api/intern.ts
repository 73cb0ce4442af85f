// SPDX-License-Identifier: Apache-2.0

/** Returns the first value made for a key; equal keys must mean equal values. */
export type Intern = <T>(key: string, make: () => T) => T;

/** Lets equal values share one object. At `size` entries it is cleared: then only sharing is lost. */
export function createIntern(size = 65_536): Intern {
  const pools = new Map<string, unknown>();
  return <T>(key: string, make: () => T): T => {
    // Callers keep values of different types apart by the form of their keys.
    const known = pools.get(key) as T | undefined;
    if (known !== undefined) return known;
    if (pools.size >= size) pools.clear();
    const value = make();
    pools.set(key, value);
    return value;
  };
}
