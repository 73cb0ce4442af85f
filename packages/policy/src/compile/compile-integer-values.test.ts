// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import type { ArgTest } from "../compiled-policy.ts";

/** What a filter on an integer argument compiles to, or the codes of what is wrong with it. */
function compile(
  type: string,
  operator: string,
  values: readonly string[],
): ArgTest | readonly string[] {
  const filter = { index: 0, operator, values };
  const hook = {
    call: "f",
    syscall: false,
    args: [{ index: 0, type }],
    selectors: [{ matchArgs: [filter] }],
  };
  const policy = {
    apiVersion: "cilium.io/v1alpha1",
    kind: "TracingPolicy",
    metadata: { name: "a" },
    spec: { kprobes: [hook] },
  };
  const { value, problems } = checkPolicy(JSON.stringify(policy), { file: "a" });
  const [compiled] = value?.[0]?.compiled.hooks[0]?.selectors[0]?.filters ?? [];
  if (compiled?.on === "arg") return compiled.test;
  return problems?.map(({ code }) => code) ?? [];
}

/** What the language says that the operator means, for a number that the type can hold. */
function meaning(operator: string, values: readonly string[], number: bigint): boolean {
  const one = (text: string): boolean => {
    const [low = 0n, high = low] = text.split(":").map(BigInt);
    switch (operator.replace(/^Not/, "")) {
      case "GT":
        return number > low;
      case "LT":
        return number < low;
      case "Mask":
        return (BigInt.asUintN(64, number) & low) !== 0n;
      default:
        return number >= low && number <= high;
    }
  };
  return operator.startsWith("Not") ? !values.some(one) : values.some(one);
}

/** What the programs do with the compiled test. */
function evaluate(test: ArgTest, number: bigint): boolean {
  switch (test.op) {
    case "equal":
    case "in-set":
      return test.values.includes(number) !== test.negate;
    case "greater":
      return test.values.some((value) => number > value);
    case "less":
      return test.values.some((value) => number < value);
    case "mask":
      return test.values.some((value) => (BigInt.asUintN(64, number) & value) !== 0n);
    case "range":
      return test.ranges.some(([low, high]) => number >= low && number <= high) !== test.negate;
    default:
      throw new Error(test.op);
  }
}

const number = fc.bigInt({ min: -20n, max: 40n });
const single = number.map(String);
const range = fc.tuple(number, number).map(([a, b]) => (a < b ? `${a}:${b}` : `${b}:${a}`));
const some = (item: fc.Arbitrary<string>) => fc.array(item, { minLength: 1, maxLength: 8 });
const filter = fc.oneof(
  fc.tuple(fc.constantFrom("Equal", "NotEqual", "GT", "LT"), some(single)),
  fc.tuple(fc.constantFrom("InMap", "NotInMap"), some(fc.oneof(single, range))),
  fc.tuple(fc.constantFrom("InRange", "NotInRange"), some(range)),
  fc.tuple(fc.constant("Mask"), some(fc.bigInt({ min: 1n, max: 255n }).map(String))),
);

describe("integer filters", () => {
  it("mean what the language says", () => {
    fc.assert(
      fc.property(filter, number, ([operator, values], value) => {
        const test = compile("int64", operator, values);
        if (!("op" in test)) throw new Error(String(test));
        expect(evaluate(test, value)).toBe(meaning(operator, values, value));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["int8", "-128", "127"],
    ["uint8", "0", "255"],
    ["int16", "-32768", "32767"],
    ["uint16", "0", "65535"],
    ["int", "-2147483648", "2147483647"],
    ["sint32", "-2147483648", "2147483647"],
    ["uint32", "0", "4294967295"],
    ["long", "-9223372036854775808", "9223372036854775807"],
    ["int64", "-9223372036854775808", "9223372036854775807"],
    ["ulong", "0", "18446744073709551615"],
    ["uint64", "0", "18446744073709551615"],
    ["size_t", "0", "18446744073709551615"],
  ])("%s holds %s to %s", (type, low, high) => {
    expect(compile(type, "Equal", [low, high])).toEqual({
      op: "equal",
      negate: false,
      values: [BigInt(low), BigInt(high)],
    });
    expect(compile(type, "Equal", [`${BigInt(low) - 1n}`])).toEqual(["policy-bad-value"]);
    expect(compile(type, "InMap", [`${low}:${BigInt(high) + 1n}`])).toEqual(["policy-bad-value"]);
  });

  it.each([
    ["int", "Mask", ["0x80000000"], { op: "mask", negate: false, values: [0x80000000n] }],
    ["int", "Mask", ["-1"], { op: "mask", negate: false, values: [0xffffffffn] }],
    ["int", "Mask", ["1", "2", "4"], { op: "mask", negate: false, values: [7n] }],
    ["int", "Mask", ["0"], ["policy-contradiction"]],
    ["int", "GT", ["5", "3"], { op: "greater", negate: false, values: [3n] }],
    ["int", "LessThan", ["5", "3"], { op: "less", negate: false, values: [5n] }],
    ["uint8", "GreaterThan", ["255"], ["policy-contradiction"]],
    [
      "int",
      "Equal",
      ["5", "4", "3", "2", "1"],
      { op: "in-set", negate: false, values: [1n, 2n, 3n, 4n, 5n] },
    ],
    ["int", "NotInMap", ["0:100000"], { op: "range", negate: true, ranges: [[0n, 100000n]] }],
    [
      "int",
      "InMap",
      Array.from({ length: 100 }, (_, i) => `${i * 100000}:${i * 100000 + 9999}`),
      ["policy-out-of-bounds"],
    ],
    [
      "uint64",
      "InMap",
      ["0:18446744073709551615"],
      { op: "range", negate: false, ranges: [[0n, 18446744073709551615n]] },
    ],
    ["int", "InMap", ["list:dups"], ["policy-bad-name"]],
  ])("%s %s %j", (type, operator, values, expected) => {
    expect(compile(type, operator, values)).toEqual(expected);
  });
});
