// SPDX-License-Identifier: Apache-2.0
import type { Path } from "@gander/crd-schemas";
import type { CompiledPolicy } from "../compiled-policy.ts";
import type { Place, SourceDocument } from "../read/locate.ts";
import { filtersOf } from "./resolve-sets.ts";
import { setReference } from "./set-reference.ts";

/** A filter that names a set. */
export type SetUse = Place & {
  readonly set: string;
  /** Of the filter, in the spec. */
  readonly path: string;
  readonly file: string;
};

/** Where the policy names its sets. */
export function usesOfSets(
  { hooks }: CompiledPolicy,
  { value, locate }: SourceDocument,
  file: string,
): readonly SetUse[] {
  return hooks.flatMap(filtersOf).flatMap((filter) => {
    if (filter.on !== "of-sets") return [];
    const path = [...segmentsOf(filter.path), "values"];
    const given = path.reduce<unknown>(
      (from, key) =>
        typeof from === "object" && from !== null ? Reflect.get(from, key) : undefined,
      value,
    );
    const values: readonly unknown[] = Array.isArray(given) ? given : [];
    return filter.sets.map((set) => {
      const at = values.indexOf(setReference(set));
      return { set, path: filter.path, file, ...locate.value(at < 0 ? path : [...path, at]) };
    });
  });
}

/** Of `pathText`. */
export function segmentsOf(text: string): Path {
  const parts = text.matchAll(/([^.[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g);
  return [...parts].map(([, name, position, quoted]) => {
    if (position !== undefined) return Number(position);
    return quoted === undefined ? (name ?? "") : String(JSON.parse(quoted));
  });
}
