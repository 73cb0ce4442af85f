// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "../scope.ts";

/**
 * Refuses fields that the language has and Gander does not do yet. `fields`: name → what can be used
 * instead. True if none of them is in use.
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

/** Empty values ask for nothing, so they may stand there. */
function isUnset(value: unknown): boolean {
  return (
    value === undefined ||
    value === false ||
    value === "" ||
    (Array.isArray(value) && value.length === 0)
  );
}
