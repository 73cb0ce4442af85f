// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { type Btf, readObject } from "@gander/libbpf";
import type { Network, TypedFilter } from "@gander/policy";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkRules, rule, selector } from "../../../test/linker-fixture.ts";
import type { LinkedHook } from "../../link/linked-tables.ts";
import { createIndexEntries, type IndexMap } from "./index-entries.ts";
import { createStructLayouts } from "./struct-layouts.ts";

const object = readFileSync(new URL("../../../../../bpf/build/hook.bpf.o", import.meta.url));
const layouts = createStructLayouts(readObject(object, "hook").btf as Btf);

/** The maps as the kernel has them: bytes in, bytes out. */
function createMaps() {
  const contents = new Map<string, number>();
  const mapOf = (struct: string): IndexMap => {
    const { size } = layouts(struct);
    const textsOf = (keys: Uint8Array) =>
      Array.from({ length: keys.length / size }, (_, i) =>
        Buffer.from(keys.subarray(i * size, (i + 1) * size)).toString("hex"),
      );
    return {
      *keys() {
        for (const name of contents.keys())
          if (name.startsWith(struct)) yield Buffer.from(name.slice(struct.length + 1), "hex");
      },
      updateMany(keys, values) {
        const numbers = new Uint32Array(values.slice().buffer);
        for (const [i, key] of textsOf(keys).entries())
          contents.set(`${struct} ${key}`, numbers[i] ?? 0);
      },
      deleteMany: (keys) =>
        textsOf(keys).filter((key) => contents.delete(`${struct} ${key}`)).length,
    };
  };
  const listed = new BigUint64Array(2048);
  const maps = {
    numbers: mapOf("index_int_key"),
    texts: mapOf("index_text_key"),
    networks: mapOf("index_addr_key"),
    listed,
  };
  return { contents, listed, entries: createIndexEntries(maps, layouts), maps };
}

type Maps = ReturnType<typeof createMaps>;
const contentOf = ({ contents, listed }: Maps) => [[...contents].sort(), [...listed]];

/** All that a side has, written at once. */
function writtenAnew(sides: readonly (readonly LinkedHook[])[]) {
  const maps = createMaps();
  for (const [side, hooks] of sides.entries()) maps.entries.write(side === 0 ? 0 : 1, hooks);
  return contentOf(maps);
}

const network = (address: string, prefixLength: number): Network => ({
  ...{ family: 4, address, prefixLength },
});
const values = <T>(...of: readonly T[]) =>
  fc.array(fc.constantFrom(...of), { minLength: 1, maxLength: 3 });
const filter: fc.Arbitrary<TypedFilter> = fc.oneof(
  values(1n, 2n, 3n).map((numbers) => arg(0, { op: "equal", values: numbers })),
  fc
    .tuple(fc.constantFrom("str-prefix", "str-postfix"), values("/a", "/a/b", "b"))
    .map(([op, texts]) => arg(3, { op, values: texts })),
  // The same network in two ways: one key in the kernel.
  values(network("0a000000", 8), network("0a010000", 8), network("0a010000", 16)).map((networks) =>
    arg(4, { op: "daddr", networks: networks.map((one) => ({ ...one })) }),
  ),
  fc
    .tuple(fc.constantFrom("equal", "prefix", "postfix"), values("/bin/a", "/bin/b", "b"))
    .map(
      ([match, paths]) =>
        ({ on: "binary", negate: false, match, followChildren: false, paths }) as TypedFilter,
    ),
);
function arg(at: number, test: object): TypedFilter {
  return { on: "arg", arg: at, test: { negate: false, ...test } } as TypedFilter;
}
const hooks = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.array(filter, { minLength: 1, maxLength: 2 })))
  .map((rules) => {
    const linked = rules.map(([hook, filters], i) => rule([selector(filters)], i + 1, hook));
    return linkRules(linked).tables.hooks;
  });

describe("createIndexEntries", () => {
  it("leaves what writing everything would, whatever a side has had before", () => {
    void fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(0, 1), hooks)), (writes) => {
        const maps = createMaps();
        const sides: (readonly LinkedHook[])[] = [[], []];
        for (const [side, wanted] of writes) {
          maps.entries.write(side === 0 ? 0 : 1, wanted);
          sides[side] = wanted;
          expect(contentOf(maps)).toEqual(writtenAnew(sides));
        }
      }),
    );
  });

  it("writes all where it does not know what a side has", () => {
    const one = linkRules([rule([selector([arg(0, { op: "equal", values: [1n, 2n] })])])]);
    const other = linkRules([rule([selector([arg(0, { op: "equal", values: [2n, 3n] })])])]);
    const maps = createMaps();
    maps.entries.write(0, one.tables.hooks);
    maps.entries.write(1, one.tables.hooks);
    // A sensor that takes over.
    const later = createIndexEntries(maps.maps, layouts);
    later.write(0, other.tables.hooks);
    expect(contentOf(maps)).toEqual(writtenAnew([other.tables.hooks, one.tables.hooks]));
    // A map that is full.
    const { updateMany } = maps.maps.numbers;
    maps.maps.numbers.updateMany = (keys, numbers) => {
      updateMany(keys.subarray(0, layouts("index_int_key").size), numbers.subarray(0, 4));
      throw new Error("E2BIG");
    };
    expect(() => later.write(0, one.tables.hooks)).toThrow("E2BIG");
    maps.maps.numbers.updateMany = updateMany;
    later.write(0, other.tables.hooks);
    expect(contentOf(maps)).toEqual(writtenAnew([other.tables.hooks, one.tables.hooks]));
  });

  const kinds: readonly (readonly [string, (i: number) => TypedFilter])[] = [
    ["numbers", (i) => arg(0, { op: "equal", values: [BigInt(i)] })],
    ["beginnings", (i) => arg(3, { op: "str-prefix", values: [`/nowhere/${i}/`] })],
    ["ends", (i) => arg(3, { op: "str-postfix", values: [`.nothing-${i}`] })],
    ["networks", (i) => arg(4, { op: "daddr", networks: [network(hexOf(i), 32)] })],
    [
      "not networks",
      (i) => arg(4, { op: "daddr", negate: true, networks: [network(hexOf(i), 32)] }),
    ],
  ];
  const hexOf = (i: number) => (0x0a000000 + i).toString(16).padStart(8, "0");
  it.each(kinds)("writes few of a thousand policies' %s when one comes or goes", (_, filterOf) => {
    const rules = Array.from({ length: 1000 }, (_, i) => rule([selector([filterOf(i)])], i + 1));
    const { entries } = createMaps();
    const countOf = (some: typeof rules) => entries.write(0, linkRules(some).tables.hooks);
    expect(countOf(rules.slice(0, 999))).toBeGreaterThan(998);
    expect(countOf(rules)).toBeLessThanOrEqual(2);
    expect(countOf(rules)).toBe(0);
    expect(countOf(rules.slice(0, -1))).toBeLessThanOrEqual(2);
    // One changes: its place stays.
    const changed = rules.with(400, rule([selector([filterOf(5000)])], 401));
    expect(countOf(rules)).toBeLessThanOrEqual(2);
    expect(countOf(changed)).toBeLessThanOrEqual(3);
  });
});
