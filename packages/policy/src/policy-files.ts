// SPDX-License-Identifier: Apache-2.0
import { type CompiledHook, eachFunction } from "./compiled-policy.ts";
import { overriddenPlace, programPlaceOf } from "./language/program-place.ts";

/** Paths of the files that filters match by identity (`identity: file`); each node looks them up. */
export function filesOfHooks(hooks: readonly CompiledHook[]): ReadonlySet<string> {
  const filters = hooks.flatMap(({ selectors }) => selectors.flatMap((one) => one.filters));
  return new Set(
    filters.flatMap((filter) =>
      filter.on === "binary" && filter.match === "file" ? filter.paths : [],
    ),
  );
}

/** Functions of programs that they hook. */
export function functionsOfHooks(hooks: readonly CompiledHook[]) {
  return hooks.flatMap(eachFunction).flatMap((hook) => programPlaceOf(hook) ?? []);
}

/** … and places where stopped calls go on; each node looks them up. */
export function placesOfHooks(hooks: readonly CompiledHook[]) {
  return hooks.flatMap(eachFunction).flatMap((hook) => {
    const place = programPlaceOf(hook);
    if (place === undefined) return [];
    const actions = hook.selectors.flatMap((selector) => selector.actions);
    const others = actions.flatMap((action) =>
      action.action === "override" ? (overriddenPlace(action, place) ?? []) : [],
    );
    return [place, ...others];
  });
}
