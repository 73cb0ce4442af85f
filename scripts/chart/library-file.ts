// SPDX-License-Identifier: Apache-2.0
import type { LibraryPolicy } from "../../packages/policy-test/src/library/index.ts";

/** charts/gander/policies.json: the policy library, as templates/policies.yaml reads it. */
export function libraryFile(library: readonly LibraryPolicy[]): string {
  const policies = library.map(({ name, pack, level, sets, object }) => ({
    // Any of them in policies.packs chooses it.
    words: [name, pack, level],
    sets: sets.map((set) => set.name),
    object,
  }));
  const sets = library.flatMap((policy) => policy.sets);
  const values = Object.fromEntries(sets.map(({ name, values }) => [name, values]));
  // A line for each policy: changes are readable, and Helm keeps the file with every release.
  const lines = policies.map((policy) => JSON.stringify(policy)).join(",\n");
  return `{"sets":${JSON.stringify(values)},\n"policies":[\n${lines}\n]}\n`;
}
