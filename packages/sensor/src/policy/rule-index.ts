// SPDX-License-Identifier: Apache-2.0
import type { CompiledFilter, Network } from "@gander/policy";
import { limits } from "../kernel/abi.gen.ts";
import type { ValuePlace } from "./filter-rows.ts";
import { widen } from "./filter-rows.ts";
import type { RuleSpec, SelectorSpec } from "./rule-spec.ts";

/**
 * Which rules of a hook can match a number, a text or a socket's peer at all, so that the programs
 * leave out the others. It only spares work: every rule that could match is in, and rows decide.
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
  /** Bit sets of numbers that aren't listed, of texts that no prefix matches, of peers in no network. */
  readonly numberDefault: number;
  readonly textDefault: number;
  readonly addressDefault: number;
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
};

/** Gives out bit sets, one for each content; undefined: there is no more room. */
export type BitSets = { add(rules: readonly number[]): number | undefined };

/** Values that rules of a hook look for in one slot; a rule that is missing looks at anything. */
type Wanted<Value> = ReadonlyMap<number, ReadonlySet<Value>>;

/** @returns undefined if there is nothing to index, or no room for it. */
export function buildRuleIndex(
  rules: readonly PlacedRule[],
  bitSets: BitSets,
  room: IndexRoom,
): RuleIndex | undefined {
  const [numberSlot, numbersOf] = bestSlot<bigint>(
    rules,
    wantedNumbers,
    (numbers) => numbers.size <= room.numbers,
  );
  const [textSlot, prefixesOf] = bestSlot<string>(
    rules,
    wantedPrefixes,
    (prefixes) => prefixes.size <= room.prefixes,
  );
  const [addressSlot, peersOf] = bestSlot<PeerTest>(
    rules,
    wantedPeers,
    (tests) => networksOf(tests).size <= room.networks,
  );
  if ([numberSlot, textSlot, addressSlot].every((slot) => slot === limits.NO_SLOT))
    return undefined;
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
      addressSlot,
      numbers: mapValues(numbersOf, (number) =>
        add(rulesFor(all, numbersOf, (one) => one === number)),
      ),
      prefixes: mapValues(prefixesOf, (prefix) =>
        add(rulesFor(all, prefixesOf, (one) => prefix.startsWith(one))),
      ),
      networks: new Map(
        [...rulesByNetwork(all, peersOf)].map(([network, bits]) => [network, add(bits)]),
      ),
      numberDefault: numberSlot === limits.NO_SLOT ? 0 : add(others(numbersOf)),
      textDefault: textSlot === limits.NO_SLOT ? 0 : add(others(prefixesOf)),
      addressDefault:
        addressSlot === limits.NO_SLOT ? 0 : add(rulesForPeer(all, peersOf, new Set())),
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
  return new Map([...allOf(wanted)].map((value) => [value, bitSet(value)]));
}

function allOf<Value>(wanted: Wanted<Value>): Set<Value> {
  return new Set([...wanted.values()].flatMap((one) => [...one]));
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
  fits: (values: ReadonlySet<Value>) => boolean,
): [number, Wanted<Value>] {
  let best: [number, Wanted<Value>] = [limits.NO_SLOT, new Map()];
  for (const slot of slotsOf(rules, find)) {
    const wanted = new Map<number, ReadonlySet<Value>>();
    for (const [bit, { rule, place }] of rules.entries()) {
      const values = wantedByRule(rule.selectors, slot, place, find);
      if (values !== undefined) wanted.set(bit, values);
    }
    if (wanted.size > best[1].size && fits(allOf(wanted))) best = [slot, wanted];
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

/** What a selector asks of the peer: to be in one of the networks, or in none. */
type PeerTest = { readonly networks: readonly Network[]; readonly negate: boolean };

function wantedPeers(filter: CompiledFilter): ReturnType<FindWanted<PeerTest>> {
  if (filter.on !== "arg" || filter.test.op !== "daddr") return undefined;
  const { arg, test } = filter;
  return { arg, values: () => [test] };
}

/** By the text of the network. */
function networksOf(tests: ReadonlySet<PeerTest>): Map<string, Network> {
  return new Map(
    [...tests].flatMap(({ networks }) => networks).map((one) => [networkText(one), one]),
  );
}

/** For each network: the rules that can match a peer in it and in no narrower one. */
function rulesByNetwork(all: readonly number[], wanted: Wanted<PeerTest>): Map<Network, number[]> {
  const tests = allOf(wanted);
  const naming = new Map<string, PeerTest[]>();
  for (const test of tests) {
    for (const text of new Set(test.networks.map((network) => networkText(network))))
      naming.set(text, [...(naming.get(text) ?? []), test]);
  }
  const networks = [...networksOf(tests).values()];
  const lengths = [...new Set(networks.map(({ prefixLength }) => prefixLength))];
  return new Map(
    networks.map((network) => {
      const around = lengths.filter((length) => length <= network.prefixLength);
      const holding = around.flatMap((length) => naming.get(networkText(network, length)) ?? []);
      return [network, rulesForPeer(all, wanted, new Set(holding))];
    }),
  );
}

/** @param containing tests that name a network which the peer is in. */
function rulesForPeer(
  all: readonly number[],
  wanted: Wanted<PeerTest>,
  containing: ReadonlySet<PeerTest>,
): number[] {
  return all.filter((bit) => {
    const tests = wanted.get(bit);
    return tests === undefined || [...tests].some((test) => containing.has(test) !== test.negate);
  });
}

/** The same for each way to write a network, and for a wider one around it. */
function networkText({ family, address, prefixLength }: Network, length = prefixLength): string {
  const hostBits = BigInt(4 * address.length - length);
  return `${family}/${length}/${BigInt(`0x${address}`) >> hostBits}`;
}
