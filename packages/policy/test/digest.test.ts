// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../src/index.ts";

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

function digest(name: string, spec: Json): string | undefined {
  const text = JSON.stringify({
    apiVersion: "cilium.io/v1alpha1",
    kind: "TracingPolicy",
    metadata: { name },
    spec,
  });
  const { value, problems } = checkPolicy(text, { file: "a" });
  if (problems) throw new Error(JSON.stringify(problems));
  return value[0]?.compiled.digest;
}

const path = fc
  .string({ unit: fc.constantFrom("a", "b", "/", "."), maxLength: 6 })
  .map((text) => `/${text}`);
const selector = fc.record({
  matchArgs: fc.constant([]).chain(() =>
    fc.tuple(
      fc.record({
        index: fc.constant(0),
        operator: fc.constantFrom("Prefix", "Equal", "NotPrefix"),
        values: fc.uniqueArray(path, { minLength: 1, maxLength: 4 }),
      }),
      fc.record({
        index: fc.constant(1),
        operator: fc.constantFrom("Equal", "InMap"),
        values: fc.uniqueArray(fc.nat(99).map(String), { minLength: 1, maxLength: 6 }),
      }),
    ),
  ),
  matchActions: fc.constantFrom([{ action: "Sigkill" }], [{ action: "Post", rateLimit: "5s" }]),
});
const spec = fc.record({
  kprobes: fc.array(
    fc.record({
      call: fc.constantFrom("security_file_open", "vfs_read"),
      syscall: fc.constant(false),
      args: fc.constant([
        { index: 0, type: "file" },
        { index: 1, type: "int" },
      ]),
      selectors: fc.array(selector, { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

/** The same with the keys of every mapping and the values of every filter in another order. */
function shuffle(value: Json, random: () => number, key = ""): Json {
  const mixed = <T>(items: readonly T[]) =>
    items
      .map((item) => [random(), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => shuffle(item, random));
    return key === "values" ? mixed(items) : items;
  }
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    mixed(Object.entries(value)).map(([k, item]) => [k, shuffle(item as Json, random, k)]),
  );
}

describe("the digest", () => {
  it("does not depend on the order of keys and values, nor on the name", () => {
    fc.assert(
      fc.property(
        spec,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (value, stream) => {
          const other = shuffle(value, () => stream.next().value ?? 0);
          expect(digest("b", other)).toBe(digest("a", value));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("differs where policies do", () => {
    fc.assert(
      fc.property(spec, spec, (one, other) => {
        const same =
          JSON.stringify(shuffle(one, () => 0)) === JSON.stringify(shuffle(other, () => 0));
        if (!same)
          expect(digest("a", one) === digest("a", other)).toBe(canonical(one) === canonical(other));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [
      { kprobes: [{ call: "f", syscall: false }] },
      { kprobes: [{ call: "f", syscall: false, return: false }] },
      true,
    ],
    [{ kprobes: [{ call: "f", syscall: false }] }, { lsmhooks: [{ hook: "f" }] }, false],
    [{ kprobes: [{ call: "sys_f" }] }, { kprobes: [{ call: "__x64_sys_f", syscall: true }] }, true],
    [
      { kprobes: [{ call: "f", syscall: false }] },
      { kprobes: [{ call: "f", syscall: false, message: "hello" }] },
      false,
    ],
    [
      { kprobes: [{ call: "f", syscall: false }], podSelector: {} },
      { kprobes: [{ call: "f", syscall: false }] },
      false,
    ],
  ])("%j and %j", (one, other, same) => {
    expect(digest("a", one) === digest("a", other)).toBe(same);
  });
});

/** Values sorted: what the language calls the same. */
function canonical(value: Json, key = ""): string {
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => canonical(item));
    return `[${key === "values" ? items.sort() : items}]`;
  }
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([k, item]) => `${k}:${canonical(item as Json, k)}`);
  return `{${entries.sort()}}`;
}
