// SPDX-License-Identifier: Apache-2.0
import { hasForm } from "@gander/policy";
import { limits, rowFlags } from "./abi.gen.ts";
import type { PlainFilter } from "./alternatives.ts";
import { bitSetOf } from "./bit-set.ts";
import { type FilterContext, filterCost, filterRows, type OpenRow } from "./filter-rows.ts";
import type { LinkedRow } from "./linked-tables.ts";
import { type BitSets, listsOf, type PlacedRule } from "./rule-index.ts";
import type { SetContent } from "./set-interner.ts";

/**
 * A row that stands for one row of each of many rules: it lists what any of them lists (of filters that are negated:
 * what all of them list). If it does not hold, none of those rows does, and none of the rules can match. So a call that
 * concerns none of a thousand policies is asked once.
 */
export type Question = {
  readonly row: OpenRow;
  /** Bit sets: the rules that it stands for (0: all of the hook), and all others (0: there are none). */
  readonly asking: number;
  readonly kept: number;
};

/** Fewer rules are cheaper to evaluate. */
export const fewestAsking = 4;
/** Of a hook. */
const mostQuestions = 8;
/** Sets of questions are made while no map of sets is fuller than this: policies come first. */
const mostMembers = 4096;

type Context = Omit<FilterContext, "place" | "policyId"> & { readonly bitSets: BitSets };

/** The questions for the rules of a hook, cheap ones first. */
export function questionsOf(rules: readonly PlacedRule[], context: Context): Question[] {
  const kinds = kindsIn(rules);
  const asked = [...kinds.values()]
    .filter(({ rules }) => rules.size >= fewestAsking)
    .sort((a, b) => a.cost - b.cost || b.rules.size - a.rules.size)
    .slice(0, mostQuestions);
  return asked.flatMap((kind) => {
    const row = jointRow(kind, context);
    const sets = row && placesOf(rules.length, kind.rules, context.bitSets);
    return row && sets ? [{ row, ...sets }] : [];
  });
}

/** The rows of questions, where they begin at row `first`: each leads to the next. */
export function questionRows(questions: readonly Question[], first: number): LinkedRow[] {
  return questions.map(({ row, asking, kept }, i) => ({
    ...row,
    verdict: 0,
    fail: i === questions.length - 1 ? 0 : first + i + 1,
    test: (asking << limits.ASKING_SHIFT) | kept,
  }));
}

function placesOf(count: number, asking: ReadonlySet<number>, bitSets: BitSets) {
  if (asking.size === count) return { asking: 0, kept: 0 };
  const own = bitSetOf(asking);
  const others = bitSetOf(Array.from({ length: count }, (_, bit) => bit)) ^ own;
  if (!bitSets.fit([own, others])) return undefined;
  return { asking: bitSets.add(own), kept: bitSets.add(others) };
}

/** What a filter lists, and what else it says. */
type Asked = {
  /** Equal for filters that compare the same value in the same way with what they list. */
  readonly key: string;
  readonly negate: boolean;
  /** By their texts. */
  readonly members: ReadonlyMap<string, unknown>;
  /** The row of the filter with other members. `originals`: the filters that list them. */
  readonly rowWith: (
    members: readonly unknown[],
    originals: readonly PlainFilter[],
    context: FilterContext,
  ) => OpenRow | undefined;
};

type Asking = {
  readonly asked: readonly Asked[];
  readonly filters: readonly PlainFilter[];
};

/** The filters of some rules that ask alike: each of their selectors, and of its alternatives, has one. */
type Kind = {
  readonly rules: Set<number>;
  readonly asked: Asked[];
  readonly filters: PlainFilter[];
  readonly place: PlacedRule["place"];
  readonly cost: number;
};

function kindsIn(rules: readonly PlacedRule[]): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const [bit, { planned, place }] of rules.entries()) {
    const lists = listsOf(planned).map((filters) => askedIn(filters, place));
    for (const key of lists[0]?.keys() ?? []) {
      const own = lists.map((list) => list.get(key));
      if (!own.every((one) => one !== undefined)) continue;
      const cost = Math.max(...own.flatMap(({ filters }) => filters.map(filterCost)));
      const kind = kinds.get(key) ?? { rules: new Set(), asked: [], filters: [], place, cost };
      kinds.set(key, kind);
      kind.rules.add(bit);
      kind.asked.push(...own.flatMap(({ asked }) => asked));
      kind.filters.push(...own.flatMap(({ filters }) => filters));
    }
  }
  return kinds;
}

/** By key, one filter of a list: all of it must hold, so any will do. */
function askedIn(filters: readonly PlainFilter[], place: PlacedRule["place"]): Map<string, Asking> {
  const found = new Map<string, Asking>();
  for (const filter of filters) {
    const asked = askedBy(filter, place);
    if (asked !== undefined && !found.has(asked.key))
      found.set(asked.key, { asked: [asked], filters: [filter] });
  }
  return found;
}

function jointRow({ asked, filters, place }: Kind, context: Context): OpenRow | undefined {
  const [first] = asked;
  if (first === undefined) return undefined;
  const members = first.negate ? inAll(asked) : inAny(asked);
  if (members.size === 0 || members.size > mostMembers) return undefined;
  const row = first.rowWith([...members.values()], filters, { ...context, place, policyId: 0 });
  if (row === undefined || !hasRoom(row.set, context)) return undefined;
  return { ...row, flags: row.flags | rowFlags.ROW_FOR_MANY };
}

/** Of sets that no row names, nothing is written. */
function hasRoom(set: number, { sets }: Context): boolean {
  const content = sets.content(set);
  if (content === undefined) return true;
  let used = 0;
  for (const [, other] of sets.entries()) if (shareMap(other, content)) used += sizeOf(other);
  return used <= mostMembers;
}

const sizeOf = (content: SetContent) =>
  "values" in content
    ? content.values.length
    : "files" in content
      ? content.files.length
      : content.networks.length;

const shareMap = ({ kind: one }: SetContent, { kind: other }: SetContent) =>
  one === other || (one.endsWith("fixes") && other.endsWith("fixes"));

function inAny(asked: readonly Asked[]): Map<string, unknown> {
  return new Map(asked.flatMap(({ members }) => [...members]));
}

function inAll([first, ...others]: readonly Asked[]): Map<string, unknown> {
  return new Map(
    [...(first?.members ?? [])].filter(([text]) =>
      others.every(({ members }) => members.has(text)),
    ),
  );
}

const byText = <T>(members: readonly T[], textOf: (member: T) => string = String) =>
  new Map(members.map((member) => [textOf(member), member]));

/** What the index looks up anyway is not asked: numbers and texts on a list, peers, binaries, ranges. */
function askedBy(filter: PlainFilter, place: PlacedRule["place"]): Asked | undefined {
  switch (filter.on) {
    case "arg":
      return argAsked(filter, place);
    case "capability": {
      const { set, inUserNamespace, negate, capabilities } = filter;
      return {
        key: ["capability", set, inUserNamespace, negate].join(),
        negate,
        members: byText(capabilities),
        rowWith: (all, _, context) => only({ ...filter, capabilities: all as number[] }, context),
      };
    }
    case "binary":
      if (!filter.followChildren && filter.match !== "file") return undefined;
      return pathsAsked(filter, filter.followChildren);
    case "parent-binary":
      return pathsAsked(filter, filter.followChildren);
    case "ancestor-binary":
      return pathsAsked(filter, true);
  }
  return undefined;
}

type PathFilter = Extract<PlainFilter, { on: "binary" | "parent-binary" | "ancestor-binary" }>;

function pathsAsked(filter: PathFilter, follows: boolean): Asked {
  const { on, negate, match, paths } = filter;
  return {
    key: [on, negate, match, follows].join(),
    negate,
    members: byText(paths),
    rowWith: (all, filters, context) => {
      const joint = { ...filter, paths: all as string[] };
      return follows ? followedRow(joint, filters, context) : only(joint, context);
    },
  };
}

/** Bits of processes are few, so it has those of the filters that it stands for. */
function followedRow(
  { paths, negate, match }: PathFilter,
  filters: readonly PlainFilter[],
  context: FilterContext,
): OpenRow | undefined {
  const rows = filters.flatMap((one) => only(one, context) ?? []);
  const bits = rows.map(({ values }) => values[0] ?? 0n);
  const [first] = rows;
  if (first === undefined || match === "file") return undefined;
  const kind = ({ equal: "strings", prefix: "prefixes", postfix: "postfixes" } as const)[match];
  const join = negate ? (a: bigint, b: bigint) => a & b : (a: bigint, b: bigint) => a | b;
  return {
    ...first,
    values: [bits.reduce(join)],
    set: context.sets.intern({ kind, values: paths }),
  };
}

function argAsked(
  filter: Extract<PlainFilter, { on: "arg" }>,
  placeOf: PlacedRule["place"],
): Asked | undefined {
  const { arg, test } = filter;
  // The programs have a return value later than they ask.
  if (arg === "return") return undefined;
  const place = placeOf(arg);
  const { negate, op } = test;
  const asked = <T>(
    members: ReadonlyMap<string, T>,
    testWith: (all: T[]) => typeof test,
  ): Asked => ({
    key: [op === "in-set" ? "equal" : op, negate, place.slot, place.signed].join(),
    negate,
    members,
    rowWith: (all, _, context) => only({ ...filter, test: testWith(all as T[]) }, context),
  });
  if (hasForm(test, "integers")) {
    if (!negate) return undefined;
    return asked(byText(test.values), (values) => ({ ...test, op: "equal", values }));
  }
  if (test.op === "mask") {
    const mask = test.values.reduce((all, one) => all | one, 0n);
    const bits = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit));
    return asked(byText(bits.filter((bit) => mask & bit)), (values) => ({ ...test, values }));
  }
  if (hasForm(test, "texts")) {
    if (!negate && !test.op.startsWith("str-contains")) return undefined;
    return asked(byText(test.values), (values) => ({ ...test, values }));
  }
  if (hasForm(test, "networks")) {
    if (test.op === "daddr") return undefined;
    const textOf = (one: (typeof test.networks)[number]) => Object.values(one).join();
    return asked(byText(test.networks, textOf), (networks) => ({ ...test, networks }));
  }
  if (hasForm(test, "numbers"))
    return asked(byText(test.values), (values) => ({ ...test, values }));
  return undefined;
}

/** Undefined: it takes several rows. */
function only(filter: PlainFilter, context: FilterContext): OpenRow | undefined {
  const rows = filterRows(filter, context);
  return rows.length === 1 && rows[0]?.length === 1 ? rows[0][0] : undefined;
}
