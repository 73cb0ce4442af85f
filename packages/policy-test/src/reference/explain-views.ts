// SPDX-License-Identifier: Apache-2.0
import type { TypedFilter, TypedHook } from "@gander/policy";
import { filterText } from "@gander/policy/explain";
import type { Value } from "@gander/sensor/reference";
import { decideFilter, type Facts } from "./filter-decision.ts";
import type { RuleView, SelectorView } from "./judge-call.ts";
import type { Ending } from "./judge-operation.ts";
import type { KernelValue } from "./model/kernel-value.ts";
import type { Effect } from "./policy-rules.ts";

/** The call that had this effect, and what matched. */
export function matchTrace(view: RuleView, effect: Effect): readonly string[] {
  const index = view.possible.get(effect);
  const selector = view.selectors.find((one) => one.index === index);
  const filters = selector?.filters.map(({ filter }) => conditionText(filter, view)) ?? [];
  return [
    callText(view),
    ...(filters.length > 0 ? filters.map((text) => `matches: ${text}`) : ["matches every call"]),
  ];
}

/** More are left out: the closest are the first. */
const mostCalls = 3;

/** The calls for which policies have rules, and what did not match. */
export function passTrace({ views: all, called }: Ending): readonly string[] {
  const views = all.filter(({ facts }) => facts.call.perhaps === undefined);
  if (views.length === 0)
    return [`no policy has a hook that it calls; it calls ${[...called].join(", ")}`];
  return views
    .map((view) => ({ view, near: nearest(view) }))
    .toSorted((a, b) => b.near.share - a.near.share)
    .slice(0, mostCalls)
    .flatMap(({ view, near: { selector } }) => [
      callText(view),
      ...(selector?.filters ?? [])
        .filter(({ decided }) => decided === "fails")
        .map(
          ({ filter }) =>
            `does not match in selector ${selector?.index}: ${conditionText(filter, view)}`,
        ),
      ...(selector?.filters.every(({ decided }) => decided === "holds")
        ? [`matches selector ${selector.index}, which posts no event or counts more calls`]
        : []),
    ]);
}

/** The selector of which the greatest part holds. */
function nearest({ selectors }: RuleView): { selector?: SelectorView; share: number } {
  const shares = selectors.map((selector) => {
    const holding = selector.filters.filter(({ decided }) => decided === "holds").length;
    return { selector, share: holding / Math.max(selector.filters.length, 1) };
  });
  return shares.toSorted((a, b) => b.share - a.share)[0] ?? { share: 0 };
}

/** A filter in words; of its values only those that the call has, if it has any. */
function conditionText(filter: TypedFilter, { facts, hook }: RuleView): string {
  return filterText(narrowed(filter, facts), hook as TypedHook);
}

const lists = ["values", "ranges", "networks"] as const;

function narrowed(filter: TypedFilter, facts: Facts): TypedFilter {
  if (filter.on === "any") {
    const holding = filter.of.filter(
      (list) => decideFilter({ on: "any", of: [list] }, facts) === "holds",
    );
    return holding.length > 0 ? { ...filter, of: holding } : filter;
  }
  if ("paths" in filter) return withHits(filter, "paths", facts, (one) => ({ ...filter, ...one }));
  if (!("test" in filter) || filter.test.op === "exists") return filter;
  const { test } = filter;
  const list = lists.find((name) => name in test);
  if (list === undefined) return filter;
  const make = (one: object) => ({ ...filter, test: { ...test, ...one } }) as TypedFilter;
  return withHits(test, list, facts, make, filter);
}

function withHits(
  from: object,
  list: string,
  facts: Facts,
  make: (part: object) => TypedFilter,
  whole: TypedFilter = make({}),
): TypedFilter {
  const values = (from as Readonly<Record<string, readonly unknown[]>>)[list] ?? [];
  const hits = values.filter(
    (value) => decideFilter(make({ [list]: [value], negate: false }), facts) === "holds",
  );
  return hits.length > 0 ? make({ [list]: hits }) : whole;
}

/** `file_open(file: "/etc/passwd", mode: 0x2) by /application` */
function callText({ rule, hook, facts: { call, values } }: RuleView): string {
  const args = hook.args.map(({ label, type }, i) => `${label || type}: ${valueText(values[i])}`);
  const exec = call.exec === undefined ? [] : [`its arguments: ${JSON.stringify(call.exec.args)}`];
  return `${rule.hook.target}(${[...args, ...exec].join(", ")}) by ${call.process.binary}`;
}

function valueText(found: KernelValue | undefined): string {
  if (found?.absent) return "none";
  return found?.value === undefined ? "…" : textOf(found.value, found.type);
}

function textOf(value: Value, type: KernelValue["type"]): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint")
    return value > 9n && type !== "int" ? `0x${value.toString(16)}` : `${value}`;
  if ("path" in value) return JSON.stringify(value.path);
  if ("saddr" in value) return `${addressText(value.daddr)}:${value.dport}`;
  return "…";
}

function addressText(hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  if (bytes.length === 4) return [...bytes].join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname;
}
