// SPDX-License-Identifier: Apache-2.0
import { hasForm, type Network } from "@gander/policy";
import { limits } from "./abi.gen.ts";
import type { PlainFilter } from "./alternatives.ts";
import { type BitSet, bitSetOf } from "./bit-set.ts";
import { type ValuePlace, widen } from "./filter-rows.ts";

/** A filter whose value must be on a list, or must not. A key stands for itself and all within it. */
export type ListTest<Key> = { readonly keys: ReadonlyMap<string, Key>; readonly negate: boolean };

/** By rule: the tests of which one must hold; a rule without an entry accepts any value. */
export type TestedRules<Test> = ReadonlyMap<number, ReadonlySet<Test>>;

/** The filter's test of the value in a slot; undefined: it isn't a test of this kind. */
export type FindTest<Test> = (
  filter: PlainFilter,
  place: (arg: number | "return") => ValuePlace,
) => { readonly slot: number; readonly test: Test } | undefined;

/** A list that a number or text must not be on excludes next to nothing: the rows check it. */
export const testOfNumber: FindTest<ListTest<bigint>> = (filter, placeOf) => {
  if (filter.on !== "arg" || filter.test.negate) return undefined;
  const { arg, test } = filter;
  if (!hasForm(test, "integers")) return undefined;
  const place = placeOf(arg);
  // The index sees raw arguments.
  if (place.isDistant) return undefined;
  const numbers = test.values.map((value) => widen(value, place));
  return { slot: place.slot, test: listTest(numbers, String, false) };
};

/** A text that must equal a value also begins with it. */
export const testOfText: FindTest<ListTest<string>> = (filter, placeOf) => {
  if (filter.on !== "arg" || filter.test.negate) return undefined;
  const { arg, test } = filter;
  if (test.op !== "str-prefix" && test.op !== "str-equal") return undefined;
  return { slot: placeOf(arg).slot, test: listTest(test.values.map(cutPrefix), asIs, false) };
};

/** Ends, backwards: they are looked up as beginnings are. */
export const testOfEnding: FindTest<ListTest<string>> = (filter, placeOf) => {
  if (filter.on !== "arg" || filter.test.negate || filter.test.op !== "str-postfix")
    return undefined;
  const { arg, test } = filter;
  return { slot: placeOf(arg).slot, test: listTest(test.values, asIs, false) };
};

/** The networks that contain the peer of a socket. */
export const testOfPeer: FindTest<ListTest<Network>> = (filter, placeOf) => {
  if (filter.on !== "arg" || filter.test.op !== "daddr") return undefined;
  const { arg, test } = filter;
  return { slot: placeOf(arg).slot, test: listTest(test.networks, networkText, test.negate) };
};

/** The running binary, by paths with a 0 after those that must be equal. There is one, so it has no slot. */
export const testOfBinary: FindTest<ListTest<string>> = (filter) => {
  if (filter.on !== "binary" || filter.followChildren) return undefined;
  if (filter.match === "postfix" || filter.match === "file") return undefined;
  const paths = filter.paths.map((path) => (filter.match === "equal" ? `${path}\0` : path));
  if (paths.some((path) => Buffer.byteLength(path) > limits.PREFIX_SIZE)) return undefined;
  return { slot: 0, test: listTest(paths, asIs, filter.negate) };
};

/** The end of its path, backwards. */
export const testOfBinaryEnding: FindTest<ListTest<string>> = (filter) => {
  if (filter.on !== "binary" || filter.followChildren || filter.match !== "postfix")
    return undefined;
  return { slot: 0, test: listTest(filter.paths, asIs, filter.negate) };
};

function listTest<Key>(
  keys: readonly Key[],
  textOf: (key: Key) => string,
  negate: boolean,
): ListTest<Key> {
  return { keys: new Map(keys.map((key) => [textOf(key), key])), negate };
}

const asIs = (text: string) => text;

/** As much as the index stores, never cut within a character. */
function cutPrefix(text: string): string {
  if (Buffer.byteLength(text) <= limits.PREFIX_SIZE) return text;
  return Buffer.from(text)
    .subarray(0, limits.PREFIX_SIZE - 3)
    .toString()
    .replace(/\uFFFD+$/, "");
}

/** For some keys: gives the texts of those that could contain a key, and its own. */
export type Around<Key> = (keys: readonly Key[]) => (key: Key) => readonly string[];

export const sameNumber: Around<bigint> = () => (number) => [`${number}`];

export const prefixesAround: Around<string> = (texts) => {
  const lengths = [...new Set(texts.map(({ length }) => length))];
  return (text) =>
    lengths.filter((length) => length <= text.length).map((length) => text.slice(0, length));
};

export const endingsAround: Around<string> = (texts) => {
  const lengths = [...new Set(texts.map(({ length }) => length))];
  return (text) =>
    lengths
      .filter((length) => length <= text.length)
      .map((length) => text.slice(text.length - length));
};

export const networksAround: Around<Network> = (networks) => {
  const lengths = [...new Set(networks.map(({ prefixLength }) => prefixLength))];
  return (network) =>
    lengths
      .filter((length) => length <= network.prefixLength)
      .map((length) => networkText({ ...network, prefixLength: length }));
};

/** The same text for every notation of a network: host bits don't count. */
function networkText({ family, address, prefixLength }: Network): string {
  const bits = BigInt(`0x${address}`) >> BigInt(4 * address.length - prefixLength);
  return `${family}/${prefixLength}/${bits}`;
}

/** The rules of a hook that each key leaves, and those that remain without any. */
type KeyedRules<Key> = {
  /** Each content once; the first is for values within no key. */
  readonly contents: readonly BitSet[];
  /** Position in `contents`: for values within the key and within no narrower one. */
  readonly byKey: ReadonlyMap<Key, number>;
};

type KeyLimits = { readonly keys: number; readonly contents: number };

/** Pairs of a key and a list with it: more would keep the sensor from its other work. */
const mostPairs = 100_000;

/** @returns undefined if that exceeds the limits. */
export function rulesByKey<Key>(
  all: readonly number[],
  tested: TestedRules<ListTest<Key>>,
  around: Around<Key>,
  limits: KeyLimits,
): KeyedRules<Key> | undefined {
  const { keys, lists } = listsByKey(tested);
  if (keys.length > limits.keys || limits.contents === 0) return undefined;
  const elsewhere = all.filter((bit) => canMatch(tested.get(bit), new Set()));
  const outside = new Set(elsewhere);
  const rest = bitSetOf(elsewhere);
  const contents = [rest];
  const known = new Map([["", 0]]);
  const byKey = new Map<Key, number>();
  const textsAround = around(keys);
  let pairs = 0;
  for (const key of keys) {
    const holding = textsAround(key).flatMap((text) => lists.get(text) ?? []);
    pairs += holding.length;
    const tests = new Set<ListTest<Key>>(holding.map(({ test }) => test));
    const others = [...new Set(holding.map(({ bit }) => bit))]
      .filter((bit) => canMatch(tested.get(bit), tests) !== outside.has(bit))
      .sort((a, b) => a - b);
    const text = others.join();
    const id = known.get(text) ?? contents.push(rest ^ bitSetOf(others)) - 1;
    if (contents.length > limits.contents || pairs > mostPairs) return undefined;
    known.set(text, id);
    byKey.set(key, id);
  }
  return { contents, byKey };
}

type Listed<Key> = { readonly bit: number; readonly test: ListTest<Key> };

/** All keys once, and by their texts the rules with them on a list. */
function listsByKey<Key>(tested: TestedRules<ListTest<Key>>) {
  const keys = new Map<string, Key>();
  const lists = new Map<string, Listed<Key>[]>();
  for (const [bit, tests] of tested) {
    for (const test of tests) {
      for (const [text, key] of test.keys) {
        const listed = lists.get(text);
        if (listed === undefined) lists.set(text, [{ bit, test }]);
        else listed.push({ bit, test });
        keys.set(text, key);
      }
    }
  }
  return { keys: [...keys.values()], lists };
}

/** @param holding tests with the value on their list */
function canMatch<Key>(
  tests: ReadonlySet<ListTest<Key>> | undefined,
  holding: ReadonlySet<ListTest<Key>>,
): boolean {
  return tests === undefined || [...tests].some((test) => holding.has(test) !== test.negate);
}
