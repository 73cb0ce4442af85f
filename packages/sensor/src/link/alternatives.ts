// SPDX-License-Identifier: Apache-2.0
import type { TypedFilter } from "@gander/policy";

export type CountFilter = Extract<TypedFilter, { on: "count" }>;
export type PlainFilter = Exclude<TypedFilter, { on: "any" } | CountFilter>;

const known = new WeakMap<readonly TypedFilter[], readonly (readonly PlainFilter[])[]>();

/**
 * Lists of filters, one of which must hold as a whole: one list for each combination of what expressions allow.
 * Without the one that counts the calls for which such a list holds.
 */
export function plainLists(filters: readonly TypedFilter[]): readonly (readonly PlainFilter[])[] {
  const found = known.get(filters);
  if (found !== undefined) return found;
  let lists: readonly (readonly PlainFilter[])[] = [[]];
  for (const filter of filters) {
    if (filter.on === "count") continue;
    const choices: readonly (readonly PlainFilter[])[] =
      filter.on === "any" ? filter.of : [[filter]];
    lists = lists.flatMap((list) => choices.map((choice) => [...list, ...choice]));
  }
  known.set(filters, lists);
  return lists;
}
