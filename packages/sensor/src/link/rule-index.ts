// SPDX-License-Identifier: Apache-2.0
import { limits } from "./abi.gen.ts";
import { plainLists } from "./alternatives.ts";
import type { ValuePlace } from "./filter-rows.ts";
import type { RuleIndex } from "./linked-tables.ts";
import {
  type Around,
  type FindTest,
  type ListTest,
  networksAround,
  prefixesAround,
  rulesByKey,
  sameNumber,
  type TestedRules,
  testOfBinary,
  testOfNumber,
  testOfPeer,
  testOfText,
} from "./list-tests.ts";
import type { PlannedRule } from "./planned-rule.ts";

/** A rule with the places of its values at the hook. */
export type PlacedRule = {
  readonly planned: PlannedRule;
  readonly place: (arg: number | "return") => ValuePlace;
};

/** Entries for which the index maps still have room. */
export type IndexRoom = {
  readonly numbers: number;
  readonly prefixes: number;
  readonly networks: number;
  readonly binaries: number;
};

/** Bit sets of all hooks; a hook has one for each content. */
export type BitSets = {
  readonly free: number;
  /** There must be room. */
  add(rules: readonly number[]): number;
};

/** The most bit sets that a hook uses for its peers, or its binaries: other hooks need some, too. */
const mostForLists = limits.MAX_BITSETS / 4;

/** @returns undefined if there is nothing to index, or no room for any of it. */
export function buildRuleIndex(
  rules: readonly PlacedRule[],
  bitSets: BitSets,
  room: IndexRoom,
): RuleIndex | undefined {
  const all = rules.map((_, bit) => bit);
  const build = <Key>(find: FindTest<Key>, around: Around<Key>, keys: number, most: number) =>
    fit({ all, bitSets, around, keys, most }, bestSlot(rules, find));
  const number = build(testOfNumber, sameNumber, room.numbers, limits.MAX_BITSETS);
  const text = build(testOfText, prefixesAround, room.prefixes, limits.MAX_BITSETS);
  const peer = build(testOfPeer, networksAround, room.networks, mostForLists);
  const binary = build(testOfBinary, prefixesAround, room.binaries, mostForLists);
  if ([number, text, peer, binary].every(({ slot }) => slot === limits.NO_SLOT)) return undefined;
  return {
    numberSlot: number.slot,
    textSlot: text.slot,
    addressSlot: peer.slot,
    numbers: number.byKey,
    prefixes: text.byKey,
    networks: peer.byKey,
    binaries: binary.byKey,
    numberDefault: number.elsewhere,
    textDefault: text.elsewhere,
    addressDefault: peer.elsewhere,
    binaryDefault: binary.elsewhere,
    textRules: text.rules,
  };
}

/** The looked-up value's slot, and the rules' tests of it. */
type Tested<Key> = { readonly slot: number; readonly tested: TestedRules<Key> };

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
  { slot, tested }: Tested<Key>,
): Indexed<Key> {
  for (let count = tested.size; count > 0; count = Math.floor(count / 2)) {
    const some = new Map([...tested].slice(0, count));
    const contents = Math.min(most, bitSets.free);
    const found = rulesByKey(all, some, around, { keys, contents });
    if (found === undefined) continue;
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

/** The slot that most rules test. */
function bestSlot<Key>(rules: readonly PlacedRule[], find: FindTest<Key>): Tested<Key> {
  let best: Tested<Key> = { slot: limits.NO_SLOT, tested: new Map() };
  for (const slot of slotsOf(rules, find)) {
    const tested = new Map<number, ReadonlySet<ListTest<Key>>>();
    for (const [bit, rule] of rules.entries()) {
      const tests = testsOfRule(rule, slot, find);
      if (tests !== undefined) tested.set(bit, tests);
    }
    if (tested.size > best.tested.size) best = { slot, tested };
  }
  return best;
}

function slotsOf(rules: readonly PlacedRule[], find: FindTest<unknown>): Set<number> {
  const slots = new Set<number>();
  for (const { planned, place } of rules) {
    for (const filter of listsOf(planned).flat()) {
      const found = find(filter, place);
      if (found !== undefined) slots.add(found.slot);
    }
  }
  return slots;
}

const listsOf = ({ selectors }: PlannedRule) =>
  selectors.flatMap(({ filters }) => plainLists(filters));

/** One test per selector, or per alternative of its expressions; undefined: one of them accepts any value. */
function testsOfRule<Key>(
  { planned, place }: PlacedRule,
  slot: number,
  find: FindTest<Key>,
): ReadonlySet<ListTest<Key>> | undefined {
  const tests = new Set<ListTest<Key>>();
  for (const filters of listsOf(planned)) {
    const found = filters.map((filter) => find(filter, place)).find((one) => one?.slot === slot);
    if (found === undefined) return undefined;
    tests.add(found.test);
  }
  return tests;
}
