// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "../scope.ts";

/**
 * Refuses fields of the language that Gander does not support yet. `fields`: name → what to use instead.
 * True if none of them is in use.
 */
export function refuseFields<F extends Readonly<Record<string, string>>>(
  value: { readonly [K in keyof F]?: unknown },
  scope: Scope,
  fields: F,
): boolean {
  let ok = true;
  for (const [field, instead] of Object.entries(fields)) {
    if (isUnset(value[field])) continue;
    ok = false;
    scope.at(field).onKey.error("policy-not-supported", `${field} is not supported yet`, instead);
  }
  return ok;
}

/** Empty values request nothing, so they are allowed. */
function isUnset(value: unknown): boolean {
  return (
    value === undefined ||
    value === false ||
    value === "" ||
    (Array.isArray(value) && value.length === 0)
  );
}
