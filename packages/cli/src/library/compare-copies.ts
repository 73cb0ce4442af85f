// SPDX-License-Identifier: Apache-2.0
import type { LibraryPolicy } from "@gander/policy-test/library";
import { type Comparison, compareCopy, type PolicyCopy } from "./compare-copy.ts";

/** Each copy beside the library, and the wanted policies that have none. */
export function compareCopies(
  copies: readonly PolicyCopy[],
  library: readonly LibraryPolicy[],
  wanted: readonly LibraryPolicy[],
): readonly Comparison[] {
  const packs = new Set(library.map(({ pack }) => pack));
  const compared = copies.flatMap((copy): readonly Comparison[] => {
    const policy = library.find(({ name }) => name === copy.name);
    if (policy !== undefined) return [compareCopy(copy, policy)];
    // Packs of others are no concern of ours.
    const pack = copy.object.metadata?.labels?.["gander.dev/pack"] ?? "";
    return packs.has(pack) ? [without(copy.name, copy.where, "gone")] : [];
  });
  const names = new Set(copies.map(({ name }) => name));
  const missing = wanted
    .filter(({ name }) => !names.has(name))
    .map(({ name }) => without(name, "", "missing"));
  return [...compared, ...missing];
}

const without = (name: string, where: string, state: "gone" | "missing"): Comparison => ({
  ...{ name, where, state, monitors: false, sentences: [], diff: [] },
});

export const isDifferent = ({ state }: Comparison): boolean => state !== "same";
