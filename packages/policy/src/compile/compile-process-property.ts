// SPDX-License-Identifier: Apache-2.0
import { type ProcessSelectorSpec, processProperties, propertyForms } from "@gander/crd-schemas";
import type { CompiledFilter } from "../compiled-policy.ts";
import { msOfUnit } from "../language/duration.ts";
import { parseRange, quote, type Range, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { readFileType } from "./compile-file-types.ts";
import { mergeRanges } from "./compile-integer-values.ts";
import { readOrigin } from "./compile-origins.ts";

const largest = 0xffff_ffffn;

/** By form: what a value stands for, which is all numbers in one of its ranges. */
const readers = {
  duration: readDuration,
  id: readIds,
  flag: readFlag,
  "file-type": readType,
  origin: readOrigins,
} as const;

export function compileProcessFilter(
  { property, operator, values }: ProcessSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  const { form } = processProperties[property];
  const isBound = operator === "LT" || operator === "GT";
  if (isBound && !propertyForms[form].ordered) {
    scope
      .at("operator")
      .error("policy-operator-type", `${property} has no order`, "Use In or NotIn.");
    return undefined;
  }
  if (values.length > limits.ranges) {
    scope
      .at("values")
      .error(
        "policy-out-of-bounds",
        `The filter has ${values.length} values; ${limits.ranges} are possible`,
        "Write ranges as 1000:1999, or several selectors.",
      );
    return undefined;
  }
  const found = readAll(values, scope.at("values"), readers[form]);
  if (found === undefined || found.length === 0) return undefined;
  const ranges = mergeRanges(found.flat().flatMap((range) => fitting(operator, range)));
  if (ranges.length > 0)
    return {
      ...{ on: "process", negate: operator === "NotIn", property },
      ranges: ranges.map(([low, high]) => [Number(low), Number(high)]),
    };
  scope
    .at("values")
    .error(
      "policy-contradiction",
      `Nothing is ${operator === "LT" ? "less" : "more"} than ${quote(values[0] ?? "")}`,
      "Write another value.",
    );
  return undefined;
}

/** What fits one of the values; empty: nothing does. */
function fitting(operator: ProcessSelectorSpec["operator"], [low, high]: Range): Range[] {
  if (operator === "LT") return low > 0n ? [[0n, low - 1n]] : [];
  if (operator === "GT") return high < largest ? [[high + 1n, largest]] : [];
  return [[low, high]];
}

function readDuration(text: string): Value<readonly Range[]> {
  const [, digits = "", unit = ""] = /^(\d{1,9})([smhd]?)$/.exec(text.trim().toLowerCase()) ?? [];
  const seconds = (BigInt(digits) * BigInt(msOfUnit(unit))) / 1_000n;
  if (digits === "" || seconds > largest)
    return { wrong: `${quote(text)} is not a duration`, hint: "Write 30s, 5m, 2h or 1d." };
  return { ok: [[seconds, seconds]] };
}

function readIds(text: string): Value<readonly Range[]> {
  const range = parseRange(text);
  if ("wrong" in range)
    return {
      wrong: range.wrong,
      hint: "Write the number of the user or group (0 is root), or a range as 1000:1999.",
    };
  const [low, high] = range.ok;
  if (low < 0n || high > largest)
    return { wrong: `${quote(text)} is out of range`, hint: `Ids are 0 to ${largest}.` };
  return { ok: [range.ok] };
}

function readFlag(text: string): Value<readonly Range[]> {
  if (text === "true") return { ok: [[1n, 1n]] };
  if (text === "false") return { ok: [[0n, 0n]] };
  return { wrong: `${quote(text)} is neither true nor false`, hint: 'Write "true" or "false".' };
}

function readType(text: string): Value<readonly Range[]> {
  const type = readFileType(text);
  return "wrong" in type ? type : { ok: [[BigInt(type.ok), BigInt(type.ok)]] };
}

function readOrigins(text: string): Value<readonly Range[]> {
  const numbers = readOrigin(text);
  if ("wrong" in numbers) return numbers;
  return { ok: numbers.ok.map((number) => [BigInt(number), BigInt(number)]) };
}
