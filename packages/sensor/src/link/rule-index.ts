// SPDX-License-Identifier: Apache-2.0
import type { NamespaceName } from "@gander/policy";
import { limits } from "./abi.gen.ts";
import { type PlainFilter, plainLists } from "./alternatives.ts";
import { type BitSet, bitSetText } from "./bit-set.ts";
import type { ValuePlace } from "./filter-rows.ts";
import type { RangeIndex, RuleIndex } from "./linked-tables.ts";
import {
  type Around,
  endingsAround,
  type FindTest,
  type ListTest,
  networksAround,
  prefixesAround,
  rulesByKey,
  sameNumber,
  type TestedRules,
  testOfBinary,
  testOfBinaryEnding,
  testOfEnding,
  testOfNumber,
  testOfPeer,
  testOfText,
} from "./list-tests.ts";
import type { PlannedRule } from "./planned-rule.ts";
import { boundsOf, type RangedNumber, type RangeTest, rangeTestOf } from "./range-tests.ts";

/** A rule with the places of its values at the hook. */
export type PlacedRule = {
  readonly planned: PlannedRule;
  readonly place: (arg: number | "return") => ValuePlace;
};

/** Entries for which the index maps still have room. */
export type IndexRoom = {
  readonly numbers: number;
  readonly prefixes: number;
  readonly endings: number;
  readonly networks: number;
  readonly binaries: number;
  readonly binaryEndings: number;
  readonly bounds: number;
};

/** Bit sets of all hooks, one for each content: rules count from the first of their hook. */
export type BitSets = {
  fit(contents: readonly BitSet[]): boolean;
  /** It must fit. */
  add(rules: BitSet): number;
};

/** The most bit sets that a hook uses for its peers, or its binaries: other hooks need some, too. */
const mostForLists = limits.MAX_BITSETS - 256;

/** Fewer rules with ranges than these are cheaper to evaluate than to look up. */
export const fewestRanges = 4;

type Deps = {
  readonly bitSets: BitSets;
  readonly room: IndexRoom;
  /** Inode number of the host's namespace. */
  readonly hostNamespace: (name: NamespaceName) => bigint;
};

/** @returns undefined if there is nothing to index, or no room for any of it. */
export function buildRuleIndex(
  rules: readonly PlacedRule[],
  { bitSets, room, hostNamespace }: Deps,
): RuleIndex | undefined {
  const all = rules.map((_, bit) => bit);
  const build = <Key>(
    find: FindTest<ListTest<Key>>,
    around: Around<Key>,
    keys: number,
    most: number,
  ) => fit({ all, bitSets, around, keys, most }, bestSlot(rules, find));
  const number = build(testOfNumber, sameNumber, room.numbers, limits.MAX_BITSETS);
  const texts = { all, bitSets, most: limits.MAX_BITSETS };
  const { slot } = bestSlot(
    rules,
    (filter, place) => testOfText(filter, place) ?? testOfEnding(filter, place),
  );
  const beginnings = { slot, tested: testsIn(rules, slot, testOfText) };
  const endings = { slot, tested: testsIn(rules, slot, testOfEnding) };
  const text = fit({ ...texts, around: prefixesAround, keys: room.prefixes }, beginnings);
  const ending = fit({ ...texts, around: endingsAround, keys: room.endings }, endings);
  const peer = build(testOfPeer, networksAround, room.networks, mostForLists);
  const binary = build(testOfBinary, prefixesAround, room.binaries, mostForLists);
  const binaryEnding = build(testOfBinaryEnding, endingsAround, room.binaryEndings, mostForLists);
  const range = indexRanges(rules, { bitSets, room, hostNamespace });
  const kinds = [number, text, ending, peer, binary, binaryEnding];
  const none = kinds.every(({ slot }) => slot === limits.NO_SLOT);
  if (none && range === undefined) return undefined;
  return {
    numberSlot: number.slot,
    textSlot: text.slot === limits.NO_SLOT ? ending.slot : text.slot,
    addressSlot: peer.slot,
    numbers: number.byKey,
    prefixes: text.byKey,
    endings: ending.byKey,
    networks: peer.byKey,
    binaries: binary.byKey,
    binaryEndings: binaryEnding.byKey,
    numberDefault: number.elsewhere,
    textDefault: text.elsewhere,
    endingDefault: ending.elsewhere,
    addressDefault: peer.elsewhere,
    binaryDefault: binary.elsewhere,
    binaryEndingDefault: binaryEnding.elsewhere,
    textRules: [...new Set([...text.rules, ...ending.rules])],
    range,
  };
}

/** The looked-up value's slot, and the rules' tests of it. */
type Tested<Test> = { readonly slot: number; readonly tested: TestedRules<Test> };

/** Indexes of bit sets, by key and for values within none; `rules` are those with a test. */
type Indexed<Key> = {
  readonly slot: number;
  readonly byKey: ReadonlyMap<Key, number>;
  readonly elsewhere: number;
  readonly rules: readonly number[];
};

type Fit<Key> = {
  readonly all: readonly number[];
  readonly bitSets: BitSets;
  readonly around: Around<Key>;
  readonly keys: number;
  readonly most: number;
};

/** As many rules as fit; the others are evaluated whatever the value. */
function fit<Key>(
  { all, bitSets, around, keys, most }: Fit<Key>,
  { slot, tested }: Tested<ListTest<Key>>,
): Indexed<Key> {
  for (let count = tested.size; count > 0; count = Math.floor(count / 2)) {
    const some = new Map([...tested].slice(0, count));
    const found = rulesByKey(all, some, around, { keys, contents: most });
    if (found === undefined || !bitSets.fit(found.contents)) continue;
    const ids = found.contents.map((rules) => bitSets.add(rules));
    const idOf = (content: number) => ids[content] ?? 0;
    return {
      slot,
      byKey: new Map([...found.byKey].map(([key, content]) => [key, idOf(content)])),
      elsewhere: idOf(0),
      rules: [...some.keys()],
    };
  }
  return { slot: limits.NO_SLOT, byKey: new Map(), elsewhere: 0, rules: [] };
}

/** The number that most rules compare with ranges, as with `fit`. */
function indexRanges(
  rules: readonly PlacedRule[],
  { bitSets, room, hostNamespace }: Deps,
): RangeIndex | undefined {
  const numbers = new Map<number, RangedNumber>();
  const find: FindTest<RangeTest> = (filter, place) => {
    const found = rangeTestOf(filter, { place, hostNamespace });
    if (found === undefined) return undefined;
    const { of, slot, signed, test } = found;
    const number = (of << 16) | (slot << 1) | Number(signed);
    numbers.set(number, { of, slot, signed });
    return { slot: number, test };
  };
  const { slot, tested } = bestSlot(rules, find);
  const number = numbers.get(slot);
  if (number === undefined) return undefined;
  const all = rules.map((_, bit) => bit);
  for (let count = tested.size; count >= fewestRanges; count = Math.floor(count / 2)) {
    const bounds = boundsOf(all, new Map([...tested].slice(0, count)));
    const size = 2 ** Math.ceil(Math.log2(bounds.length));
    const contents = new Map(bounds.map(({ rules }) => [bitSetText(rules), rules]));
    if (size > room.bounds || !bitSets.fit([...contents.values()])) continue;
    return {
      ...number,
      bounds: bounds.map(({ from, rules: left }) => ({ from, bitSet: bitSets.add(left) })),
    };
  }
  return undefined;
}

/** The slot that most rules test. */
function bestSlot<Test>(rules: readonly PlacedRule[], find: FindTest<Test>): Tested<Test> {
  let best: Tested<Test> = { slot: limits.NO_SLOT, tested: new Map() };
  for (const slot of slotsOf(rules, find)) {
    const tested = testsIn(rules, slot, find);
    if (tested.size > best.tested.size) best = { slot, tested };
  }
  return best;
}

function testsIn<Test>(
  rules: readonly PlacedRule[],
  slot: number,
  find: FindTest<Test>,
): TestedRules<Test> {
  const tested = new Map<number, ReadonlySet<Test>>();
  for (const [bit, rule] of rules.entries()) {
    const tests = testsOfRule(rule, slot, find);
    if (tests !== undefined) tested.set(bit, tests);
  }
  return tested;
}

function slotsOf(rules: readonly PlacedRule[], find: FindTest<unknown>): Set<number> {
  const slots = new Set<number>();
  for (const { planned, place } of rules) {
    for (const filters of listsOf(planned)) {
      for (const filter of filters) {
        const found = find(filter, place);
        if (found !== undefined) slots.add(found.slot);
      }
    }
  }
  return slots;
}

const known = new WeakMap<PlannedRule, readonly (readonly PlainFilter[])[]>();

/** All policies are linked at each change, and these lists are looked through for each kind of value. */
export function listsOf(planned: PlannedRule): readonly (readonly PlainFilter[])[] {
  const found = known.get(planned);
  if (found !== undefined) return found;
  const lists = planned.selectors.flatMap(({ filters }) => plainLists(filters));
  known.set(planned, lists);
  return lists;
}

/** One test per selector, or per alternative of its expressions; undefined: one of them accepts any value. */
function testsOfRule<Test>(
  { planned, place }: PlacedRule,
  slot: number,
  find: FindTest<Test>,
): ReadonlySet<Test> | undefined {
  const tests = new Set<Test>();
  for (const filters of listsOf(planned)) {
    const found = filters.map((filter) => find(filter, place)).find((one) => one?.slot === slot);
    if (found === undefined) return undefined;
    tests.add(found.test);
  }
  return tests;
}
