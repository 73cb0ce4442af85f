// SPDX-License-Identifier: Apache-2.0
import { type ProcessSelectorSpec, processProperties } from "@gander/crd-schemas";
import type { CompiledFilter } from "../compiled-policy.ts";
import { fileTypes } from "../language/kernel-names.ts";
import { parseRange, quote, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";

/** Both ends included. */
type Range = readonly [number, number];

const largest = 0xffffffff;

/** A property with one value each is compared with In and NotIn only. */
const forms = {
  duration: { bounds: true, read: readDuration },
  id: { bounds: true, read: readIds },
  flag: { bounds: false, read: readFlag },
  "file-type": { bounds: false, read: readType },
} as const;

export function compileProcessFilter(
  { property, operator, values }: ProcessSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  const { bounds, read } = forms[processProperties[property].form];
  const isBound = operator === "LT" || operator === "GT";
  if (isBound && !bounds) {
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
  const found = readAll(values, scope.at("values"), read);
  if (found === undefined || found.length === 0) return undefined;
  const ranges = isBound ? boundOf(operator, found) : mergeRanges(found);
  if (ranges.length > 0) return { on: "process", negate: operator === "NotIn", property, ranges };
  scope
    .at("values")
    .error(
      "policy-contradiction",
      `Nothing is ${operator === "LT" ? "less" : "more"} than ${quote(values[0] ?? "")}`,
      "Write another value.",
    );
  return undefined;
}

/** One value that fits is enough, so the widest decides. */
function boundOf(operator: "LT" | "GT", found: readonly Range[]): readonly Range[] {
  if (operator === "LT") {
    const high = Math.max(...found.map(([low]) => low));
    return high > 0 ? [[0, high - 1]] : [];
  }
  const low = Math.min(...found.map(([, high]) => high));
  return low < largest ? [[low + 1, largest]] : [];
}

function mergeRanges(found: readonly Range[]): readonly Range[] {
  const merged: [number, number][] = [];
  for (const [low, high] of [...found].sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last === undefined || low > last[1] + 1) merged.push([low, high]);
    else last[1] = Math.max(last[1], high);
  }
  return merged;
}

const secondsOf = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

function readDuration(text: string): Value<Range> {
  const [, digits = "", unit = ""] = /^(\d{1,9})([smhd]?)$/.exec(text.trim().toLowerCase()) ?? [];
  const seconds = Number(digits) * (secondsOf[unit as keyof typeof secondsOf] ?? 1);
  if (digits === "" || seconds > largest)
    return { wrong: `${quote(text)} is not a duration`, hint: "Write 30s, 5m, 2h or 1d." };
  return { ok: [seconds, seconds] };
}

function readIds(text: string): Value<Range> {
  const range = parseRange(text);
  if ("wrong" in range)
    return {
      wrong: range.wrong,
      hint: "Write the number of the user or group (0 is root), or a range as 1000:1999.",
    };
  const [low, high] = range.ok;
  if (low < 0n || high > BigInt(largest))
    return { wrong: `${quote(text)} is out of range`, hint: `Ids are 0 to ${largest}.` };
  return { ok: [Number(low), Number(high)] };
}

function readFlag(text: string): Value<Range> {
  if (text === "true") return { ok: [1, 1] };
  if (text === "false") return { ok: [0, 0] };
  return { wrong: `${quote(text)} is neither true nor false`, hint: 'Write "true" or "false".' };
}

function readType(text: string): Value<Range> {
  const name = text.toLowerCase();
  const type = Object.hasOwn(fileTypes, name) ? fileTypes[name] : undefined;
  if (type !== undefined) return { ok: [type, type] };
  return {
    wrong: `There is no type of files ${quote(text)}`,
    hint: `Write one of ${Object.keys(fileTypes).join(", ")}.`,
  };
}
