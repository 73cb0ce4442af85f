// SPDX-License-Identifier: Apache-2.0
import type { Network } from "@gander/policy";
import { limits } from "../kernel/abi.gen.ts";
import type { ValuePlace } from "./filter-rows.ts";
import {
  type Around,
  type FindTest,
  keysOf,
  type ListTest,
  networksAround,
  prefixesAround,
  rulesByKey,
  rulesElsewhere,
  sameNumber,
  type TestedRules,
  testOfBinary,
  testOfNumber,
  testOfPeer,
  testOfText,
} from "./list-tests.ts";
import type { RuleSpec } from "./rule-spec.ts";

/**
 * Which rules of a hook can match a number, a text, a socket's peer or the running binary at all, so
 * that the programs leave out the others. It only spares work: every rule that could match is in,
 * and rows decide.
 */
export type RuleIndex = {
  /** Slot of the number that is looked up, or NO_SLOT. */
  readonly numberSlot: number;
  readonly textSlot: number;
  readonly addressSlot: number;
  /** By number: index of a bit set. */
  readonly numbers: ReadonlyMap<bigint, number>;
  /** By prefix: index of a bit set, which includes that of shorter prefixes. */
  readonly prefixes: ReadonlyMap<string, number>;
  /** Index of a bit set, which takes the wider networks around into account. */
  readonly networks: ReadonlyMap<Network, number>;
  /** By path, with a 0 behind it where it isn't a prefix; empty: binaries aren't looked up. */
  readonly binaries: ReadonlyMap<string, number>;
  /** Bit sets of what isn't listed. */
  readonly numberDefault: number;
  readonly textDefault: number;
  readonly addressDefault: number;
  readonly binaryDefault: number;
  /** Rules that the text can rule out: if none is left, it need not be read. */
  readonly textRules: readonly number[];
};

/** A rule with the places of its values at the hook. */
export type PlacedRule = {
  readonly rule: RuleSpec;
  readonly place: (arg: number | "return") => ValuePlace;
};

/** How many entries the index maps still have room for. */
export type IndexRoom = {
  readonly numbers: number;
  readonly prefixes: number;
  readonly networks: number;
  readonly binaries: number;
};

/** Gives out bit sets, one for each content; undefined: there is no more room. */
export type BitSets = { add(rules: readonly number[]): number | undefined };

/** @returns undefined if there is nothing to index, or no room for it. */
export function buildRuleIndex(
  rules: readonly PlacedRule[],
  bitSets: BitSets,
  room: IndexRoom,
): RuleIndex | undefined {
  const number = bestSlot(rules, testOfNumber, room.numbers);
  const text = bestSlot(rules, testOfText, room.prefixes);
  const peer = bestSlot(rules, testOfPeer, room.networks);
  const binary = bestSlot(rules, testOfBinary, room.binaries);
  if ([number, text, peer, binary].every(({ slot }) => slot === limits.NO_SLOT)) return undefined;
  const all = rules.map((_, bit) => bit);
  const add = (bits: readonly number[]): number => {
    const id = bitSets.add(bits);
    if (id === undefined) throw noRoom;
    return id;
  };
  const bitSetsOf = <Key>({ tested }: Indexed<Key>, around: Around<Key>) =>
    new Map(rulesByKey(all, tested, around).map(([key, bits]) => [key, add(bits)]));
  const elsewhere = ({ slot, tested }: Indexed<unknown>) =>
    slot === limits.NO_SLOT ? 0 : add(rulesElsewhere(all, tested));
  try {
    return {
      numberSlot: number.slot,
      textSlot: text.slot,
      addressSlot: peer.slot,
      numbers: bitSetsOf(number, sameNumber),
      prefixes: bitSetsOf(text, prefixesAround),
      networks: bitSetsOf(peer, networksAround),
      binaries: bitSetsOf(binary, prefixesAround),
      numberDefault: elsewhere(number),
      textDefault: elsewhere(text),
      addressDefault: elsewhere(peer),
      binaryDefault: elsewhere(binary),
      textRules: [...text.tested.keys()],
    };
  } catch (error) {
    if (error === noRoom) return undefined;
    throw error;
  }
}

const noRoom = new Error("no room for bit sets");

/** What is looked up, and what rules ask of it. */
type Indexed<Key> = { readonly slot: number; readonly tested: TestedRules<Key> };

/** The slot that rules out the most rules, of those whose keys there is room for. */
function bestSlot<Key>(
  rules: readonly PlacedRule[],
  find: FindTest<Key>,
  room: number,
): Indexed<Key> {
  let best: Indexed<Key> = { slot: limits.NO_SLOT, tested: new Map() };
  for (const slot of slotsOf(rules, find)) {
    const tested = new Map<number, ReadonlySet<ListTest<Key>>>();
    for (const [bit, rule] of rules.entries()) {
      const tests = testsOfRule(rule, slot, find);
      if (tests !== undefined) tested.set(bit, tests);
    }
    if (tested.size > best.tested.size && keysOf(tested).size <= room) best = { slot, tested };
  }
  return best;
}

function slotsOf(rules: readonly PlacedRule[], find: FindTest<unknown>): Set<number> {
  const slots = new Set<number>();
  for (const { rule, place } of rules) {
    for (const filter of rule.selectors.flatMap(({ filters }) => filters)) {
      const found = find(filter, place);
      if (found !== undefined) slots.add(found.slot);
    }
  }
  return slots;
}

/** One test of each selector; undefined: some selector takes any value. */
function testsOfRule<Key>(
  { rule, place }: PlacedRule,
  slot: number,
  find: FindTest<Key>,
): ReadonlySet<ListTest<Key>> | undefined {
  const tests = new Set<ListTest<Key>>();
  for (const { filters } of rule.selectors) {
    const found = filters.map((filter) => find(filter, place)).find((one) => one?.slot === slot);
    if (found === undefined) return undefined;
    tests.add(found.test);
  }
  return tests;
}
