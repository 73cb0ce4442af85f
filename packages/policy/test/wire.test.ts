// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { streamCodec } from "@gander/proto/stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CompiledPolicy } from "../src/index.ts";
import { checkPolicy } from "../src/index.ts";
import { decodePolicy, encodePolicy } from "../src/wire/index.ts";

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
const wire = streamCodec("gander.v1.CompiledPolicy");

/** The policy with keys of every object in reverse order. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, field]) => [key, reversed(field)])) as T;
}

describe("a compiled policy on the wire", () => {
  it.each(compiled.map((policy) => [policy.name, policy] as const))(
    "%s comes back",
    (_, policy) => {
      const { bytes, digest } = encodePolicy(policy);
      expect(decodePolicy(bytes, policy)).toEqual({
        value: { ...policy, digest: `sha256:${hex(digest)}` },
      });
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
    // The compiler's own digest is the oracle; it covers the same fields.
    const byDigest = new Map(compiled.map((policy) => [policy.digest, policy]));
    const digests = new Set(compiled.map((policy) => hex(encodePolicy(policy).digest)));
    expect(digests.size).toBe(byDigest.size);
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
  const selectors = (filters: readonly object[], actions: readonly object[] = []) => ({
    mode: "enforce",
    hooks: [{ kind: "lsm", target: "file_open", selectors: [{ filters, actions }] }],
  });
  it.each([
    ["a newer mode", { mode: "quarantine" }, /does not know: "quarantine"/],
    ["no mode", {}, /does not know: ""/],
    ["a newer hook kind", { mode: "enforce", hooks: [{ kind: "uprobe" }] }, /"uprobe"/],
    ["a filter whose member is unknown", selectors([{}]), /a filter on nothing/],
    ["an action whose member is unknown", selectors([], [{}]), /an action that does nothing/],
    ["a newer operator", selectors([{ arg: { op: "cel" } }]), /"cel"/],
    [
      "half a range",
      selectors([{ arg: { op: "range", integers: { values: ["1"] } } }]),
      /a range without an end/,
    ],
    [
      "a short address",
      selectors([{ arg: { op: "saddr", networks: { values: [{ address: Buffer.alloc(3) }] } } }]),
      /an address of 3 bytes/,
    ],
  ])("%s", (_, message, problem) => {
    const result = decodePolicy(wire.encode(message), { name: "a", namespace: "" });
    expect(result.problem).toMatch(problem);
  });

  it("a field that a newer version added, at any depth", () => {
    const hook = Buffer.from([
      ...streamCodec("gander.v1.Hook").encode({ kind: "lsm" }),
      0xa0,
      6,
      1,
    ]);
    const bytes = Buffer.concat([
      wire.encode({ mode: "enforce" }),
      Buffer.from([0x12, hook.length]),
      hook,
    ]);
    expect(decodePolicy(bytes, { name: "a", namespace: "" }).problem).toMatch(/hooks\.100/);
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
    const whole = hex(encodePolicy(policy).digest);
    for (let length = 1; length < bytes.length; length += 7) {
      const { value } = decodePolicy(bytes.subarray(0, length), policy);
      expect(value?.digest).not.toBe(`sha256:${whole}`);
    }
  });
});
