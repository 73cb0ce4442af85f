// SPDX-License-Identifier: Apache-2.0
import type { ArgTest } from "../compiled-policy.ts";
import { fileTypes } from "../language/kernel-names.ts";
import { quote, readAll, type Value } from "../language/values.ts";
import type { Scope } from "../scope.ts";

export function compileFileTypes(
  negate: boolean,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const types = readAll(values, scope, readFileType);
  return types && { op: "file-type", negate, values: [...new Set(types)].sort((a, b) => a - b) };
}

/** S_IFMT of a file type, by its name. */
export function readFileType(text: string): Value<number> {
  const name = text.toLowerCase();
  const found = Object.hasOwn(fileTypes, name) ? fileTypes[name] : undefined;
  if (found !== undefined) return { ok: found };
  return {
    wrong: `There is no type of files ${quote(text)}`,
    hint: `Write one of ${Object.keys(fileTypes).join(", ")}.`,
  };
}
