// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import { originNumbers, originWords } from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import { quote, readAll, type Value } from "../language/values.ts";
import type { Scope } from "../scope.ts";

export function compileOrigins(
  negate: boolean,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const read = readAll(values, scope, readOrigin);
  return read && { op: "origin", negate, values: [...new Set(read.flat())].sort((a, b) => a - b) };
}

/** The numbers of origins that a word stands for. */
export function readOrigin(text: string): Value<readonly number[]> {
  const word = originWords.find((one) => one === text.toLowerCase());
  if (word !== undefined) return { ok: originNumbers(word) };
  const near = nearestName(text, originWords);
  return {
    wrong: `There is no origin ${quote(text)}`,
    hint:
      near === undefined ? `Write one of ${originWords.join(", ")}.` : `Did you mean "${near}"?`,
  };
}
