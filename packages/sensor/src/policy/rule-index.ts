// SPDX-License-Identifier: Apache-2.0
import type { CompiledFilter } from "@gander/policy";
import { limits } from "../kernel/abi.gen.ts";
import type { ValuePlace } from "./filter-rows.ts";
import { widen } from "./filter-rows.ts";
import type { RuleSpec, SelectorSpec } from "./rule-spec.ts";

/**
 * Which rules of a hook can match a number or a text at all, so that the programs leave out the
 * others. It only spares work: every rule that could match is in, and rows decide.
 */
export type RuleIndex = {
  /** Slot of the number that is looked up, or NO_SLOT. */
  readonly numberSlot: number;
  readonly textSlot: number;
  /** By number: index of a bit set. */
  readonly numbers: ReadonlyMap<bigint, number>;
  /** By prefix: index of a bit set, which includes that of shorter prefixes. */
  readonly prefixes: ReadonlyMap<string, number>;
  /** Bit sets of numbers that aren't listed, and of texts that no prefix matches. */
  readonly numberDefault: number;
  readonly textDefault: number;
  /** Rules that the text can rule out: if none is left, it need not be read. */
  readonly textRules: readonly number[];
};

/** A rule with the places of its values at the hook. */
export type PlacedRule = {
  readonly rule: RuleSpec;
  readonly place: (arg: number | "return") => ValuePlace;
};

/** Gives out bit sets, one for each content; undefined: there is no more room. */
export type BitSets = { add(rules: readonly number[]): number | undefined };

/** Values that rules of a hook look for in one slot; a rule that is missing looks at anything. */
type Wanted<Value> = ReadonlyMap<number, ReadonlySet<Value>>;

/** @returns undefined if there is nothing to index, or no room for it. */
export function buildRuleIndex(
  rules: readonly PlacedRule[],
  bitSets: BitSets,
  room: { numbers: number; prefixes: number },
): RuleIndex | undefined {
  const [numberSlot, numbersOf] = bestSlot<bigint>(rules, wantedNumbers, room.numbers);
  const [textSlot, prefixesOf] = bestSlot<string>(rules, wantedPrefixes, room.prefixes);
  if (numberSlot === limits.NO_SLOT && textSlot === limits.NO_SLOT) return undefined;
  const all = rules.map((_, bit) => bit);
  const others = (wanted: Wanted<unknown>) => all.filter((bit) => !wanted.has(bit));
  const add = (bits: readonly number[]): number => {
    const id = bitSets.add(bits);
    if (id === undefined) throw noRoom;
    return id;
  };
  try {
    return {
      numberSlot,
      textSlot,
      numbers: mapValues(numbersOf, (number) =>
        add(rulesFor(all, numbersOf, (one) => one === number)),
      ),
      prefixes: mapValues(prefixesOf, (prefix) =>
        add(rulesFor(all, prefixesOf, (one) => prefix.startsWith(one))),
      ),
      numberDefault: numberSlot === limits.NO_SLOT ? 0 : add(others(numbersOf)),
      textDefault: textSlot === limits.NO_SLOT ? 0 : add(others(prefixesOf)),
      textRules: [...prefixesOf.keys()],
    };
  } catch (error) {
    if (error === noRoom) return undefined;
    throw error;
  }
}

const noRoom = new Error("no room for bit sets");

function rulesFor<Value>(
  all: readonly number[],
  wanted: Wanted<Value>,
  fits: (value: Value) => boolean,
): number[] {
  return all.filter((bit) => {
    const values = wanted.get(bit);
    return values === undefined || [...values].some(fits);
  });
}

function mapValues<Value>(
  wanted: Wanted<Value>,
  bitSet: (value: Value) => number,
): Map<Value, number> {
  const values = new Set([...wanted.values()].flatMap((one) => [...one]));
  return new Map([...values].map((value) => [value, bitSet(value)]));
}

type FindWanted<Value> = (
  filter: CompiledFilter,
) =>
  | { readonly arg: number | "return"; readonly values: (place: ValuePlace) => readonly Value[] }
  | undefined;

/** The slot that rules out the most rules, with what they look for there. */
function bestSlot<Value>(
  rules: readonly PlacedRule[],
  find: FindWanted<Value>,
  room: number,
): [number, Wanted<Value>] {
  let best: [number, Wanted<Value>] = [limits.NO_SLOT, new Map()];
  for (const slot of slotsOf(rules, find)) {
    const wanted = new Map<number, ReadonlySet<Value>>();
    for (const [bit, { rule, place }] of rules.entries()) {
      const values = wantedByRule(rule.selectors, slot, place, find);
      if (values !== undefined) wanted.set(bit, values);
    }
    const count = new Set([...wanted.values()].flatMap((values) => [...values])).size;
    if (wanted.size > best[1].size && count <= room) best = [slot, wanted];
  }
  return best;
}

function slotsOf<Value>(rules: readonly PlacedRule[], find: FindWanted<Value>): Set<number> {
  const slots = new Set<number>();
  for (const { rule, place } of rules) {
    for (const filter of rule.selectors.flatMap(({ filters }) => filters)) {
      const found = find(filter);
      if (found !== undefined) slots.add(place(found.arg).slot);
    }
  }
  return slots;
}

/** All values with which some selector can match; undefined: any. */
function wantedByRule<Value>(
  selectors: readonly SelectorSpec[],
  slot: number,
  place: PlacedRule["place"],
  find: FindWanted<Value>,
): ReadonlySet<Value> | undefined {
  const values = new Set<Value>();
  for (const { filters } of selectors) {
    const found = filters
      .map(find)
      .find((one) => one !== undefined && place(one.arg).slot === slot);
    if (found === undefined) return undefined;
    for (const value of found.values(place(found.arg))) values.add(value);
  }
  return values;
}

function wantedNumbers(filter: CompiledFilter): ReturnType<FindWanted<bigint>> {
  if (filter.on !== "arg" || filter.test.negate) return undefined;
  const { arg, test } = filter;
  if (test.op !== "equal" && test.op !== "in-set") return undefined;
  return { arg, values: (place) => test.values.map((value) => widen(value, place)) };
}

/** A text that must be equal to a value begins with it, too. */
function wantedPrefixes(filter: CompiledFilter): ReturnType<FindWanted<string>> {
  if (filter.on !== "arg" || filter.test.negate) return undefined;
  const { arg, test } = filter;
  if (test.op !== "str-equal" && test.op !== "str-prefix") return undefined;
  return { arg, values: () => test.values.map(cutPrefix) };
}

/** As much as the index keeps, never within a character. */
function cutPrefix(text: string): string {
  if (Buffer.byteLength(text) <= limits.PREFIX_SIZE) return text;
  return Buffer.from(text)
    .subarray(0, limits.PREFIX_SIZE - 3)
    .toString()
    .replace(/\uFFFD+$/, "");
}
