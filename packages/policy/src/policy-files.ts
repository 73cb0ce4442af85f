// SPDX-License-Identifier: Apache-2.0
import { type CompiledHook, eachFunction } from "./compiled-policy.ts";
import { programPlaceOf } from "./language/program-place.ts";

/** Paths of the files that filters match by identity (`identity: file`); each node looks them up. */
export function filesOfHooks(hooks: readonly CompiledHook[]): ReadonlySet<string> {
  const filters = hooks.flatMap(({ selectors }) => selectors.flatMap((one) => one.filters));
  return new Set(
    filters.flatMap((filter) =>
      filter.on === "binary" && filter.match === "file" ? filter.paths : [],
    ),
  );
}

/** Functions of programs that they hook; each node looks them up. */
export function functionsOfHooks(hooks: readonly CompiledHook[]) {
  return hooks.flatMap(eachFunction).flatMap((hook) => programPlaceOf(hook) ?? []);
}
