// SPDX-License-Identifier: Apache-2.0
import type { ArgTest, CompiledFilter } from "../compiled-policy.ts";
import type { Scope } from "../scope.ts";

/** A filter of a selector, and where it is written. */
export type PlacedFilter = { readonly filter: CompiledFilter; readonly place: Scope };

/** Warns of filters that no value passes together. */
export function warnOfContradictions(filters: readonly PlacedFilter[]): void {
  const subjects = new Map<string, PlacedFilter[]>();
  for (const one of filters) {
    const subject = subjectOf(one.filter);
    if (subject === undefined) continue;
    const same = subjects.get(subject);
    if (same) same.push(one);
    else subjects.set(subject, [one]);
  }
  for (const same of subjects.values()) {
    const last = same.at(-1);
    if (last === undefined || same.length === 1) continue;
    const conditions = same.map(({ filter }) => conditionOf(filter));
    if (!conditions.every((one) => one !== undefined) || isPossible(conditions)) continue;
    last.place.warning(
      "policy-contradiction",
      "Nothing passes this filter and those before it on the same value, so the selector never matches",
      "Entries of a selector must all hold. Alternatives are values of one filter, or selectors of their own.",
    );
  }
}

/** What a filter compares; filters with different ones are independent. */
function subjectOf(filter: CompiledFilter): string | undefined {
  switch (filter.on) {
    case "arg":
      return `arg ${filter.arg} ${kindOf(filter.test)}`;
    case "pid":
      return `pid ${filter.inNamespace} ${filter.followForks}`;
    case "namespace":
      return `namespace ${filter.namespace}`;
    default:
      return undefined;
  }
}

/** Tests of the same kind compare the same part of a value. */
function kindOf({ op }: ArgTest): string {
  if (op.startsWith("str-")) return "text";
  return ["equal", "in-set", "range", "greater", "less", "mask"].includes(op) ? "number" : op;
}

/** Values that pass, or with `negate` those that don't; a test where they can't be listed. */
type Condition = {
  readonly negate: boolean;
  readonly listed: readonly unknown[] | undefined;
  readonly ranges: readonly Range[] | undefined;
  readonly holds: (value: unknown) => boolean;
  /** Comparisons that this takes at most. */
  readonly size: number;
};
type Range = readonly [bigint | number, bigint | number];

/** Undefined: it is not known what passes. */
function conditionOf(filter: CompiledFilter): Condition | undefined {
  switch (filter.on) {
    case "pid":
      return ofValues(filter.pids, filter.negate);
    case "namespace":
      return ofValues(filter.ids, filter.negate);
    case "arg":
      return ofTest(filter.test);
    default:
      return undefined;
  }
}

function ofTest(test: ArgTest): Condition | undefined {
  switch (test.op) {
    case "equal":
    case "in-set":
    case "protocol":
    case "family":
    case "state":
    case "file-type":
    case "origin":
      return ofValues(test.values, test.negate);
    case "range":
    case "sport":
    case "dport":
      return ofRanges(test.ranges, test.negate);
    case "greater":
      return ofRanges([[(test.values[0] ?? 0n) + 1n, highest]], test.negate);
    case "less":
      return ofRanges([[-highest, (test.values[0] ?? 0n) - 1n]], test.negate);
    case "mask": {
      const [bits = 0n] = test.values;
      const holds = (value: unknown) => typeof value !== "bigint" || (value & bits) !== 0n;
      return { negate: test.negate, listed: undefined, ranges: undefined, holds, size: 1 };
    }
    case "str-equal":
      return ofTexts("equal", { negate: test.negate, texts: test.values });
    case "str-prefix":
      return ofTexts("prefix", { negate: test.negate, texts: test.values });
    case "str-postfix":
      return ofTexts("postfix", { negate: test.negate, texts: test.values });
    case "str-contains":
      return ofTexts("contains", { negate: test.negate, texts: test.values });
    default:
      return undefined;
  }
}

/** Beyond every number of 64 bits. */
const highest = 2n ** 65n;

function ofValues(values: readonly unknown[], negate: boolean): Condition {
  const set = new Set(values);
  const ranges = values.every((value) => typeof value === "bigint" || typeof value === "number")
    ? values.map((value) => [value, value] as const)
    : undefined;
  return { negate, listed: values, ranges, holds: (value) => set.has(value), size: 1 };
}

function ofRanges(ranges: readonly Range[], negate: boolean): Condition {
  const holds = (value: unknown) =>
    (typeof value !== "bigint" && typeof value !== "number") ||
    ranges.some(([low, high]) => low <= value && value <= high);
  return { negate, listed: undefined, ranges, holds, size: ranges.length };
}

type TextMatch = "equal" | "prefix" | "postfix" | "contains";

function ofTexts(
  match: TextMatch,
  { negate, texts }: { readonly negate: boolean; readonly texts: readonly string[] },
): Condition {
  const set = new Set(texts);
  const compare = {
    equal: (text: string) => set.has(text),
    prefix: (text: string) => texts.some((one) => text.startsWith(one)),
    postfix: (text: string) => texts.some((one) => text.endsWith(one)),
    contains: (text: string) => texts.some((one) => text.includes(one)),
  }[match];
  const holds = (value: unknown) => typeof value !== "string" || compare(value);
  return {
    negate,
    listed: match === "equal" ? texts : undefined,
    ranges: undefined,
    holds,
    size: texts.length,
  };
}

const ascending = (values: readonly (bigint | number)[]) =>
  [...values].sort((a, b) => (a < b ? -1 : 1));

/** Comparisons beyond which nothing is said: it is only a warning. */
const maxWork = 1_000_000;

function isPossible(conditions: readonly Condition[]): boolean {
  const positive = conditions.filter(({ negate }) => !negate);
  const [least] = positive
    .flatMap(({ listed }) => (listed === undefined ? [] : [listed]))
    .sort((a, b) => a.length - b.length);
  if (least !== undefined) {
    const values = conditions.reduce((sum, { size }) => sum + size, 0);
    if (least.length * values > maxWork) return true;
    return least.some((value) => conditions.every(({ negate, holds }) => holds(value) !== negate));
  }
  const [first, ...others] = positive.flatMap(({ ranges }) => (ranges ? [ranges] : []));
  if (first === undefined || conditions.some(({ ranges }) => ranges === undefined)) return true;
  const excluded = conditions.flatMap(({ negate, ranges }) => (negate ? (ranges ?? []) : []));
  const common = others.reduce<readonly Range[]>(
    (left, right) =>
      left.flatMap(([a, b]) =>
        right.flatMap(([c, d]): Range[] => {
          if (b < c || d < a) return [];
          const low = ascending([a, c])[1] ?? a;
          const high = ascending([b, d])[0] ?? b;
          return [[low, high]];
        }),
      ),
    first,
  );
  return common.some(([low, high]) => !excluded.some(([from, to]) => from <= low && high <= to));
}
