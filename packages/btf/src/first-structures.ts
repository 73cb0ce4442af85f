// SPDX-License-Identifier: Apache-2.0
import type { Btf } from "./btf.ts";
import { fieldsOfType, resolveType } from "./btf-layout.ts";

/**
 * Names of the structures whose first byte is that of a type: its own, that of its first member, and so on; of
 * unions those of all members. A pointer to the type also points to each of them.
 */
export function firstStructures(btf: Btf, id: number): readonly string[] {
  const names = new Set<string>();
  const seen = new Set<number>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const type = resolveType(btf, next);
    if (type.kind === "array") open.push(type.elementTypeId);
    if ((type.kind !== "struct" && type.kind !== "union") || seen.has(type.id)) continue;
    seen.add(type.id);
    if (type.name !== "") names.add(type.name);
    for (const field of fieldsOfType(btf, type.id))
      if (field.offset === 0 && field.bitSize === 0) open.push(field.typeId);
  }
  return [...names];
}
