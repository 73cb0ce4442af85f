// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "./compiled-policy.ts";

/** Paths of the files that filters match by identity (`identity: file`); each node looks them up. */
export function filesOfHooks(hooks: readonly CompiledHook[]): ReadonlySet<string> {
  const filters = hooks.flatMap(({ selectors }) => selectors.flatMap((one) => one.filters));
  return new Set(
    filters.flatMap((filter) =>
      filter.on === "binary" && filter.match === "file" ? filter.paths : [],
    ),
  );
}
