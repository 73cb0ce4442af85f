// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePolicy, digestOf, encodePolicy } from "../src/content/index.ts";
import type { CompiledPolicy } from "../src/index.ts";
import { checkPolicy } from "../src/index.ts";

const files = ["./fixtures/valid/", "../../../policies/examples/"].flatMap((path) => {
  const directory = new URL(path, import.meta.url);
  const names = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
  return names.map((name) => new URL(name, directory));
});
const compiled = files.flatMap((url) => {
  const { value = [] } = checkPolicy(readFileSync(url, "utf8"), { file: url.pathname });
  return value.map((one) => one.compiled);
});
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The policy with keys of every object in reverse order. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, field]) => [key, reversed(field)])) as T;
}

describe("the content of a compiled policy", () => {
  it.each(compiled.map((policy) => [policy.name, policy] as const))(
    "%s comes back",
    (_, policy) => {
      const { bytes, digest } = encodePolicy(policy);
      expect(decodePolicy(bytes, policy)).toEqual({ value: policy });
      expect([digest, digestOf(bytes)]).toEqual([policy.digest, policy.digest]);
    },
  );

  it.each(compiled.map((policy) => [policy.name, policy] as const))(
    "%s has the same bytes whatever its keys' order, its name or the way it took",
    (_, policy) => {
      const { bytes } = encodePolicy(policy);
      const { value } = decodePolicy(bytes, { name: "other", namespace: "" });
      expect(hex(encodePolicy(reversed(policy)).bytes)).toBe(hex(bytes));
      expect(hex(encodePolicy(value as CompiledPolicy).bytes)).toBe(hex(bytes));
    },
  );

  it("has distinct digests for distinct policies, equal ones for equal", () => {
    const withMarks = (_: string, one: unknown) => (typeof one === "bigint" ? `int64 ${one}` : one);
    const contents = compiled.map(({ name: _, namespace: __, digest: ___, ...content }) =>
      JSON.stringify(reversed(content), withMarks),
    );
    const digests = new Set(compiled.map((policy) => encodePolicy(policy).digest));
    expect(digests.size).toBe(new Set(contents).size);
  });

  it("keeps labels whatever their names", () => {
    const [first] = compiled;
    if (first === undefined) throw new Error("no policy");
    const matchLabels = JSON.parse(
      '{"constructor":"a","prototype":"","__proto__":"b","toString":"c"}',
    );
    const policy = { ...first, nodeSelector: { matchLabels, matchExpressions: [] } };
    const { value } = decodePolicy(encodePolicy(policy).bytes, first);
    expect(Object.entries(value?.nodeSelector?.matchLabels ?? {}).sort()).toEqual(
      Object.entries(matchLabels).sort(),
    );
  });

  it("keeps all 64-bit numbers, signed and unsigned", () => {
    const [first] = compiled;
    if (first === undefined) throw new Error("no policy");
    const number = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.uniqueArray(number, { minLength: 1 }), (numbers) => {
        const values = numbers.sort((a, b) => (a < b ? -1 : 1));
        const policy = withTest(first, { op: "in-set", negate: false, values });
        expect(decodePolicy(encodePolicy(policy).bytes, first).value?.hooks).toEqual(policy.hooks);
      }),
    );
  });
});

function withTest(policy: CompiledPolicy, test: object): CompiledPolicy {
  const [hook] = policy.hooks;
  const filters = [{ on: "arg", arg: 0, test }];
  const selector = {
    index: 0,
    label: "",
    filters,
    returnFilters: [],
    actions: [],
    returnActions: [],
  };
  return { ...policy, hooks: [{ ...hook, selectors: [selector] }] } as unknown as CompiledPolicy;
}

describe("bytes that are not wholly understood are refused", () => {
  const hook = {
    ...{ args: [], ignoreCallNotFound: false, index: 0, kind: "lsm", message: "", path: "" },
    ...{ raw: false, selectors: [], syscall: false, tags: [], target: "file_open" },
  };
  const policy = (...hooks: readonly object[]) => ({ hooks, mode: "enforce" });
  const selectors = (filters: readonly object[], actions: readonly object[] = []) => {
    const rest = { index: 0, label: "", returnActions: [], returnFilters: [] };
    return policy({ ...hook, selectors: [{ actions, filters, ...rest }] });
  };
  const test = (test: object) =>
    selectors([{ arg: 0, on: "arg", test: { negate: false, ...test } }]);
  const labels = (matchLabels: unknown) => ({
    ...policy(),
    nodeSelector: { matchExpressions: [], matchLabels },
  });
  const problemOf = (json: unknown) => {
    const text = typeof json === "string" ? json : JSON.stringify(json);
    return decodePolicy(Buffer.from(text), { name: "a", namespace: "" }).problem;
  };
  const place = /at hooks\[0\]\.selectors\[0\]\.filters\[0\]/;

  it("what they are made of here is understood", () => {
    for (const json of [policy(hook), selectors([], [{ action: "sigkill" }]), labels({ a: "b" })])
      expect(problemOf(json)).toBeUndefined();
    const range = { negate: false, op: "range", ranges: [["-1", "18446744073709551615"]] };
    expect(problemOf(selectors([{ arg: "return", on: "arg", test: range }]))).toBeUndefined();
  });

  it.each([
    ["a newer mode", { hooks: [], mode: "quarantine" }, /does not know: "quarantine" at mode$/],
    ["no mode", { hooks: [] }, /has no mode$/],
    ["a newer hook kind", policy({ ...hook, kind: "uring" }), /"uring" at hooks\[0\]\.kind$/],
    ["a newer type", policy({ ...hook, args: [{ index: 0, type: "cgroup" }] }), /"cgroup"/],
    [
      "a filter on nothing",
      selectors([{}]),
      /has no hooks\[0\]\.selectors\[0\]\.filters\[0\]\.on$/,
    ],
    ["a filter on something newer", selectors([{ on: "uid" }]), /"uid" at .*\.on$/],
    ["an action that does nothing", selectors([], [{}]), /has no .*\.action$/],
    ["a newer action", selectors([], [{ action: "freeze" }]), /"freeze"/],
    ["a newer operator", test({ op: "cel" }), /"cel"/],
    ["half a range", test({ op: "range", ranges: [["1"]] }), /has no .*\.ranges\[0\]\[1\]$/],
    ["a range of three", test({ op: "range", ranges: [["1", "2", "3"]] }), place],
    [
      "a short address",
      test({ networks: [{ address: "0a0000", family: 4, prefixLength: 8 }], op: "saddr" }),
      /"0a0000" at .*address$/,
    ],
    [
      "an address of the other family",
      test({ networks: [{ address: "0a000000", family: 6, prefixLength: 8 }], op: "saddr" }),
      place,
    ],
    ["a number of 65 bits", test({ op: "in-set", values: ["18446744073709551616"] }), place],
    ["a number below 64 bits", test({ op: "in-set", values: ["-9223372036854775809"] }), place],
    ["a number that isn't text", test({ op: "in-set", values: [1] }), place],
    ["a number written otherwise", test({ op: "in-set", values: ["01"] }), place],
    ["a fraction", policy({ ...hook, index: 0.5 }), /0\.5 at hooks\[0\]\.index$/],
    ["a list for labels", labels([]), /at nodeSelector\.matchLabels$/],
    ["a label that is no text", labels({ a: 1 }), /at nodeSelector\.matchLabels$/],
    ["null", null, /null/],
    ["a list", [], /has no mode/],
  ])("%s", (_, json, problem) => {
    expect(problemOf(json)).toMatch(problem);
  });

  it.each([
    ["nothing", ""],
    ["no JSON", "mode: enforce"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["a mark of its order before it", `\ufeff${JSON.stringify(policy())}`],
  ])("%s", (_, bytes) => {
    const result = decodePolicy(Buffer.from(bytes), { name: "a", namespace: "" });
    expect(result).toEqual({ problem: "it is not JSON" });
  });

  it.each([
    ["at the top", { ...policy(hook), newer: 1 }, /"newer" at newer$/],
    ["at any depth", policy({ ...hook, colour: 1 }), /"colour" at hooks\[0\]\.colour$/],
    ["by a name that objects have", policy({ ...hook, toString: 1 }), /"toString"/],
  ])("a field that a newer version added, %s", (_, json, problem) => {
    expect(problemOf(json)).toMatch(problem);
  });

  it.each([
    ["with room between", JSON.stringify(policy(hook), null, 1)],
    ["with its keys in another order", JSON.stringify({ mode: "enforce", hooks: [] })],
    ["with a key twice", '{"hooks":[],"mode":"monitor","mode":"enforce"}'],
    ["with a prototype", '{"__proto__":{},"hooks":[],"mode":"enforce"}'],
    ["with letters escaped", '{"hooks":[],"mode":"\\u0065nforce"}'],
    ["with a number in another notation", JSON.stringify(policy(hook)).replace(":0,", ":0.0,")],
    ["with -0", JSON.stringify(test({ op: "in-set", values: ["0"] })).replace('"0"', '"-0"')],
  ])("the same written otherwise: %s", (_, text) => {
    expect(problemOf(text)).toBeDefined();
  });

  it("a text without an end is not told to people", () => {
    const problem = problemOf({ hooks: [], mode: "x".repeat(1e6) });
    expect(problem?.length).toBeLessThan(200);
    const key = problemOf({ hooks: [], mode: "enforce", ["k".repeat(1e6)]: 1 });
    expect(key?.length).toBeLessThan(300);
  });

  it("a million lists in lists", () => {
    expect(problemOf("[".repeat(1e6) + "]".repeat(1e6))).toBeDefined();
    expect(problemOf(`{"hooks":${"[".repeat(1e6)}`)).toBe("it is not JSON");
  });

  it("whatever bytes come, nothing is thrown", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { value, problem } = decodePolicy(bytes, { name: "a", namespace: "" });
        expect(value === undefined).toBe(problem !== undefined);
      }),
    );
  });

  it("a policy that is cut off anywhere", () => {
    const policy = compiled.find(({ hooks }) => hooks.length > 0) as CompiledPolicy;
    const { bytes } = encodePolicy(policy);
    for (let length = 1; length < bytes.length; length += 7) {
      const { value } = decodePolicy(bytes.subarray(0, length), policy);
      expect(value).toBeUndefined();
    }
  });
});
