// SPDX-License-Identifier: Apache-2.0
import type { Value } from "../language/values.ts";
import type { Scope } from "../scope.ts";

/** All values, or undefined if one is invalid; every invalid one is reported. */
export function readAll<T>(
  values: readonly string[],
  scope: Scope,
  read: (text: string) => Value<T>,
): readonly T[] | undefined {
  const found: T[] = [];
  for (const [i, text] of values.entries()) {
    const value = read(text);
    if ("wrong" in value) {
      scope.at(i).error("policy-bad-value", value.wrong, value.hint);
      continue;
    }
    if (value.note !== undefined) scope.at(i).note("policy-bad-value", value.note, "");
    found.push(value.ok);
  }
  return found.length === values.length ? found : undefined;
}
