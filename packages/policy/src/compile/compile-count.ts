// SPDX-License-Identifier: Apache-2.0
import type { CountSelectorSpec } from "@gander/crd-schemas";
import type { CompiledFilter } from "../compiled-policy.ts";
import { msOfUnit } from "../language/duration.ts";
import { quote } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";

export function compileCountFilter(
  { atLeast, within, per }: CountSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  const hasCount = atLeast >= 2 && atLeast <= limits.countedCalls;
  if (!hasCount)
    scope
      .at("atLeast")
      .error(
        "policy-out-of-bounds",
        atLeast < 2
          ? `Every call is the first of ${atLeast === 1 ? "one" : "none"}`
          : `atLeast is ${atLeast}; ${limits.countedCalls} calls can be counted`,
        atLeast < 2
          ? "Remove matchCount, or write at least 2."
          : `Write at most ${limits.countedCalls}, with a shorter time for the same rate.`,
      );
  const [, digits = "", unit = ""] = /^(\d{1,9})([smhd]?)$/.exec(within.trim().toLowerCase()) ?? [];
  const withinMs = Number(digits) * msOfUnit(unit);
  const hasTime = withinMs > 0 && withinMs <= limits.countWindowMs;
  if (!hasTime)
    scope
      .at("within")
      .error(
        digits === "" ? "policy-bad-value" : "policy-out-of-bounds",
        digits === ""
          ? `${quote(within)} is not a time`
          : `${quote(within)} is not a time in which calls can be counted`,
        "Write 10s, 5m or another time of 1 second to 1 hour.",
      );
  return hasCount && hasTime ? { on: "count", atLeast, withinMs, per } : undefined;
}
