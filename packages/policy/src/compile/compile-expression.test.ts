// SPDX-License-Identifier: Apache-2.0
import { type ArgType, typeRow } from "@gander/crd-schemas";
import { Environment, EvaluationError } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ArgTest, TypedFilter } from "../compiled-policy.ts";
import { hasForm } from "../compiled-policy.ts";
import { viewOf } from "../expression/integer-term.ts";
import { createScope, type Scope } from "../scope.ts";
import { compileExpression } from "./compile-expression.ts";

/** Types of arg0, arg1 … */
const types = ["int", "uint32", "int64", "uint64", "string", "int8"] as const satisfies ArgType[];

type Found = { readonly filter?: TypedFilter | undefined; readonly problems: readonly string[] };

function compile(text: string, of: readonly (ArgType | "auto")[] = types): Found {
  const problems: string[] = [];
  const places = {
    ...{ value: () => ({ line: 1, column: 1 }), key: () => ({ line: 1, column: 1 }) },
    character: (_: unknown, offset: number) => ({ line: 1, column: 1 + offset }),
    plainText: () => undefined,
  };
  const scope: Scope = createScope("", places, ({ severity, column, message }) =>
    problems.push(`${severity} ${column}: ${message}`),
  );
  const compiled = compileExpression(text, of, scope);
  const filter = compiled === "untyped" ? undefined : compiled?.filter;
  return { filter, problems };
}

type Value = bigint | string;

function testHolds(test: ArgTest, value: Value, values: readonly Value[]): boolean {
  if (hasForm(test, "pairs")) {
    const other = values[test.other];
    if (typeof value !== "bigint" || typeof other !== "bigint") throw new Error("no two numbers");
    const made = test.op === "sum" ? value + other : value - other;
    return test.ranges.some(([low, high]) => low <= made && made <= high) !== test.negate;
  }
  if (typeof value === "string") {
    if (!hasForm(test, "texts")) throw new Error("a text is tested as a number");
    const holds = {
      "str-equal": (one: string) => value === one,
      "str-prefix": (one: string) => value.startsWith(one),
      "str-postfix": (one: string) => value.endsWith(one),
      "str-contains": (one: string) => value.includes(one),
      "str-contains-any-case": (one: string) => value.toLowerCase().includes(one),
    }[test.op];
    return test.values.some(holds) !== test.negate;
  }
  if (hasForm(test, "ranges"))
    return test.ranges.some(([low, high]) => low <= value && value <= high) !== test.negate;
  if (hasForm(test, "integers")) return test.values.includes(value) !== test.negate;
  if (test.op !== "mask") throw new Error(`an expression became ${test.op}`);
  return ((value & (test.values[0] ?? 0n)) !== 0n) !== test.negate;
}

const holds = (filter: TypedFilter | undefined, values: readonly Value[]): boolean => {
  if (filter === undefined) return true;
  const lists = filter.on === "any" ? filter.of : [[filter]];
  return lists.some((list) =>
    list.every(
      (one) => one.on === "arg" && testHolds(one.test, values[Number(one.arg)] ?? "", values),
    ),
  );
};

describe("compileExpression", () => {
  const int = (values: readonly bigint[], negate = false) => ({ op: "equal", negate, values });
  const most = 1n << 65n;
  const apart = (other: number, ranges: readonly (readonly bigint[])[], negate = false) => ({
    ...{ op: "difference", other, ranges, negate },
  });
  it.each<[string, number, object]>([
    ["arg0 == 5", 0, int([5n])],
    ["5 != arg0", 0, int([5n], true)],
    ["!(arg0 == 5)", 0, int([5n], true)],
    ["arg0 in [3, 1, 0x10]", 0, int([1n, 3n, 16n])],
    ["arg0 + 1 == 5", 0, int([4n])],
    ["10 - arg0 == 3", 0, int([7n])],
    ["-arg0 == 3 * 2 - 1", 0, int([-5n])],
    ["arg1 < 3u", 1, { op: "range", negate: false, ranges: [[0n, 2n]] }],
    ["3 < arg1", 1, { op: "range", negate: false, ranges: [[4n, 0xffffffffn]] }],
    ["arg0 >= -1 && arg0 <= 1", 0, { op: "range", negate: false, ranges: [[-1n, 1n]] }],
    ["arg1 > 1u && arg1 != 7u || arg1 == 0u", 1, int([1n, 7n], true)],
    ["and(arg1, 6u) != 0u", 1, { op: "mask", negate: false, values: [6n] }],
    ["and(arg1, 6u) == 0u", 1, { op: "mask", negate: true, values: [6n] }],
    ["and(arg0, 4) > 0", 0, { op: "mask", negate: false, values: [4n] }],
    ["xor(and(arg1, 4u), 4u) == 0u", 1, { op: "mask", negate: false, values: [4n] }],
    ["not(arg0) == 0", 0, int([-1n])],
    ["uint32(arg0) == 0xffffffff", 0, int([-1n])],
    ["int32(arg1) < 0", 1, { op: "range", negate: false, ranges: [[0x80000000n, 0xffffffffn]] }],
    ["arg1 == uint32(-1)", 1, int([0xffffffffn])],
    ["arg4 == 'a' || arg4 == b'b'", 4, { op: "str-equal", negate: false, values: ["a", "b"] }],
    ["!arg4.startsWith('/etc' + '/')", 4, { op: "str-prefix", negate: true, values: ["/etc/"] }],
    ["arg4.endsWith('.so')", 4, { op: "str-postfix", negate: false, values: [".so"] }],
    ["!arg4.contains('x')", 4, { op: "str-contains", negate: true, values: ["x"] }],
    ["true && arg0 == 1 || 1 > 2", 0, int([1n])],
    ["arg0 == arg2", 0, apart(2, [[0n, 0n]])],
    ["arg2 != arg0", 0, apart(2, [[0n, 0n]], true)],
    ["arg0 + 4 < arg2", 0, apart(2, [[-most, -5n]])],
    ["arg2 > arg0 + 4", 0, apart(2, [[-most, -5n]])],
    ["arg0 < arg1", 0, apart(1, [[-most, -1n]])],
    ["!(arg1 > arg0)", 0, apart(1, [[0n, most]])],
    [
      "arg0 - arg5 in [1, 2, 4]",
      0,
      apart(5, [
        [1n, 2n],
        [4n, 4n],
      ]),
    ],
    ["3 - arg0 - arg5 == 1", 0, { ...apart(5, [[2n, 2n]]), op: "sum" }],
    ["arg0 > arg5 && arg0 < arg5 + 7", 0, apart(5, [[1n, 6n]])],
    ["arg0 == 1 ? true : false", 0, int([1n])],
  ])("%s", (text, arg, test) => {
    expect(compile(text)).toEqual({ filter: { on: "arg", arg, test }, problems: [] });
  });

  it("makes alternatives of what is said of several arguments", () => {
    const on = (arg: number, test: object) => ({ on: "arg", arg, test });
    expect(compile("(arg0 == 1 || arg1 == 2u) && arg4 == 'x'").filter).toEqual({
      on: "any",
      of: [
        [on(0, int([1n])), on(4, { op: "str-equal", negate: false, values: ["x"] })],
        [on(1, int([2n])), on(4, { op: "str-equal", negate: false, values: ["x"] })],
      ],
    });
    expect(compile("and(arg1, 5u) == 5u").filter).toEqual({
      on: "any",
      of: [
        [
          on(1, { op: "mask", negate: false, values: [1n] }),
          on(1, { op: "mask", negate: false, values: [4n] }),
        ],
      ],
    });
  });

  it("leaves to a kernel what it gives a type", () => {
    expect(compile("arg1 == 2", ["int", "auto"])).toEqual({ filter: undefined, problems: [] });
    expect(compile("arg2 == 2", ["int", "auto"]).problems).toEqual([
      "error 1: The expression names arg2, and the hook reads 2 arguments",
    ]);
  });

  it.each<[string, string]>([
    ["arg0 = 1", "error 6: The expression cannot be read: Unexpected character: ="],
    ["arg0 ==", "error 8: The expression cannot be read: Unexpected token: EOF"],
    ["arg0", 'error 1: "arg0" is not a condition'],
    ["arg0 == 1 && arg1", 'error 14: "arg1" is not a condition'],
    ["arg9 == 1", "error 1: The expression names arg9, and the hook reads 6 arguments"],
    ["pid == 1", 'error 1: "pid" is not known in an expression'],
    ["arg0 == 'a'", `error 1: "arg0 == 'a'" compares a number with a text`],
    ["arg4 < 'a'", `error 1: "arg4 < 'a'" compares the order of texts`],
    ["arg0 == 1.5", 'error 9: "1.5" is neither a whole number nor a text'],
    ["arg4 == arg4", 'error 1: "arg4 == arg4" uses several values of the call in a way'],
    ["arg4 == arg0", 'error 1: "arg4 == arg0" compares a text with a number'],
    ["arg0 + arg2 == arg5", 'error 1: "arg0 + arg2 == arg5" uses several values of the call'],
    ["arg0 + arg2 + arg5 == 1", 'error 1: "arg0 + arg2 + arg5" uses several values of the call'],
    ["and(arg0, 6) == arg2", 'error 1: "and(arg0, 6) == arg2" uses several values of the call'],
    ["and(arg0, arg2) != 0", 'error 1: "and(arg0, arg2)" uses several values of the call'],
    ["arg0 + arg1 == 1", 'error 1: "arg0 + arg1" calculates with a number that has a sign'],
    ["arg5 > arg0 && 200 < arg5", "error 1: The expression is true for no call"],
    ["arg5 - arg5 > 255", "error 1: The expression is true for no call"],
    ["1 == 1 && arg0 in [arg2]", 'error 20: "arg2" is not a value that is known beforehand'],
    ["arg0 * 2 == 4", 'error 1: "arg0 * 2" calculates with an argument in a way'],
    ["1 / 0 == arg0", 'error 1: "1 / 0" divides by 0'],
    ["size(arg4) == 1", "error 1: size() is not available in expressions"],
    ["arg4.matches('a')", "error 1: matches() is not available in expressions"],
    ["'abc'.startsWith(arg4)", 'error 18: "arg4" is not a value that is known beforehand'],
    ["arg4.startsWith('')", "error 17: An empty text is part of every text"],
    ["arg4 == b'\\xff'", "error 9: b'\\xff' is not UTF-8"],
    ["int32(arg2) == 1", 'error 1: "int32(arg2)" takes 32 bits of a number that has more'],
    ["and(arg0, 3) + 1 == 2", 'error 1: "and(arg0, 3) + 1" calculates with bits'],
    ["and(arg0, 6) > 3", 'error 1: "and(arg0, 6) > 3" compares the order of bits'],
    ["and(arg0 + 1, 6) == 2", 'error 1: "and(arg0 + 1, 6)" takes bits of a calculated number'],
    ["and(arg1, -1) == 2u", 'error 1: -1 is negative, and the number in "and(arg1, -1)"'],
    ["arg0 == 5 && arg0 == 6", "error 1: The expression is true for no call"],
    ["arg1 > 0xffffffff", "error 1: The expression is true for no call"],
    ["1 == 1 || arg0 == 1", "warning 1: The expression is true for every call"],
    [
      Array.from({ length: 7 }, (_, i) => `(arg4.endsWith('${i}') || arg4.contains('${i}'))`).join(
        " && ",
      ),
      "error 1: The expression has more than 64 alternatives when it is written without parentheses",
    ],
    [
      Array.from({ length: 70 }, (_, i) => `arg0 >= ${10 * i} && arg0 < ${10 * i + 5}`).join("||"),
      "error 1: The expression leaves an argument more than 64 ranges of values",
    ],
  ])("%s is refused", (text, problem) => {
    const { filter, problems } = compile(text);
    expect(filter).toBeUndefined();
    expect(problems.map((one) => one.slice(0, problem.length))).toEqual([problem]);
  });

  it("ends soon for the worst of texts, and throws for none", () => {
    const worst = [
      "(".repeat(3000),
      "!".repeat(3000),
      Array.from({ length: 400 }, (_, i) => `arg0==${i}`).join("||"),
      Array.from({ length: 300 }, (_, i) => `arg4=='${i}'`).join("&&"),
      `arg0 in [${Array.from({ length: 1000 }, (_, i) => i).join()}]`,
      "arg0 == 99999999999999999999999999",
    ];
    for (const text of worst) compile(text);
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => void compile(text)));
    const tokens = [
      "arg0",
      "arg4",
      "&&",
      "||",
      "!",
      "(",
      ")",
      "==",
      "<",
      "1",
      "'a'",
      "and(",
      ",",
      "in",
      "[",
      "]",
      "-",
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...tokens), { maxLength: 14 }),
        (parts) => void compile(parts.join(" ")),
      ),
      { numRuns: 3_000 },
    );
  });
});

// Small numbers, and those at the edges of the types.
const edges = [
  ...[0n, 1n, 2n, 3n, 5n, 8n, 127n, 128n, 255n, 0x7fffffffn, 0x80000000n, 0xffffffffn],
  ...[0x100000000n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n],
];
const signedEdges = [...edges.filter((one) => one < 1n << 63n), ...edges.map((one) => -one)].filter(
  (one) => one >= -(1n << 63n),
);
const valuesOf = (type: ArgType): fc.Arbitrary<Value> => {
  if (type === "string") return fc.constantFrom("", "a", "ab", "abc", "/etc/x", "b/etc", "c");
  const [low, high] = viewOf(typeRow(type)).range;
  const near = [...edges, ...signedEdges].filter((one) => one >= low && one <= high);
  return fc.oneof(fc.constantFrom(...near), fc.bigInt({ min: low, max: high }));
};
const anyValues = fc.tuple(...types.map(valuesOf));

/** Expressions by the standard's rules: numbers without a sign have a `u`. */
const isUnsigned = (arg: number) => arg === 1 || arg === 3;
const literal = (arg: number) =>
  fc
    .constantFrom(...(isUnsigned(arg) ? edges : signedEdges.filter((one) => one > -(1n << 63n))))
    .map((one) => `${one}${isUnsigned(arg) ? "u" : ""}`);
const numberSide = (arg: number) =>
  fc.oneof(
    fc.constant(`arg${arg}`),
    literal(arg).map((one) => `arg${arg} + ${one}`),
    literal(arg).map((one) => `(arg${arg} - ${one})`),
    literal(arg).map((one) => `${one} - arg${arg}`),
    fc.tuple(literal(arg), literal(arg)).map(([a, b]) => `(arg${arg} + ${a}) - ${b}`),
  );
const bitSide = (arg: number) =>
  fc.oneof(
    literal(arg).map((one) => `and(arg${arg}, ${one})`),
    fc.tuple(literal(arg), literal(arg)).map(([a, b]) => `xor(and(arg${arg}, ${a}), ${b})`),
    fc.tuple(literal(arg), literal(arg)).map(([a, b]) => `or(and(arg${arg}, ${a}), ${b})`),
    literal(arg).map((one) => `and(xor(arg${arg}, ${one}), ${isUnsigned(arg) ? "7u" : "7"})`),
  );
/** Two arguments of the same kind of number, and any two that are only compared. */
const pairAtom = fc
  .tuple(
    fc.constantFrom([0, 2], [0, 5], [2, 5], [5, 2], [1, 3], [3, 1], [3, 3], [2, 0]),
    fc.constantFrom("==", "!=", "<", "<=", ">", ">="),
    fc.constantFrom("+", "-"),
  )
  .chain(([[a = 0, b = 0], op, sign]) =>
    fc.oneof(
      fc.tuple(numberSide(a), numberSide(b)).map(([left, right]) => `${left} ${op} ${right}`),
      fc
        .tuple(numberSide(a), numberSide(b), literal(a))
        .map(([left, right, bound]) => `${left} ${sign} (${right}) ${op} ${bound}`),
      fc
        .tuple(literal(a), numberSide(b), literal(a), literal(a))
        .map(([c, side, d, bound]) => `${c} ${sign} (arg${a} - ${side}) + ${d} ${op} ${bound}`),
    ),
  );
const numberAtom = fc.constantFrom(0, 1, 2, 3, 5).chain((arg) =>
  fc.oneof(
    fc
      .tuple(numberSide(arg), fc.constantFrom("==", "!=", "<", "<=", ">", ">="), literal(arg))
      .map(([left, op, right]) => `${left} ${op} ${right}`),
    fc.tuple(literal(arg), fc.constantFrom("<", ">="), numberSide(arg)).map((one) => one.join(" ")),
    fc
      .tuple(numberSide(arg), fc.array(literal(arg), { minLength: 1, maxLength: 4 }))
      .map(([left, list]) => `${left} in [${list.join(", ")}]`),
    fc
      .tuple(bitSide(arg), fc.constantFrom("==", "!="), literal(arg))
      .map(([left, op, right]) => `${left} ${op} ${right}`),
  ),
);
const textAtom = fc
  .tuple(
    fc.constantFrom("==", "!=", "startsWith", "endsWith", "contains"),
    fc.constantFrom("a", "b", "/etc", "abc"),
  )
  .map(([op, text]) => (/=/.test(op) ? `arg4 ${op} '${text}'` : `arg4.${op}('${text}')`));
const expression: fc.Arbitrary<string> = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    numberAtom,
    pairAtom,
    textAtom,
    tie("tree").map((one) => `!(${one})`),
    fc
      .tuple(tie("tree"), fc.constantFrom("&&", "||"), tie("tree"))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
  ),
})).tree;

/** The library's own evaluation, with the functions on bits that this language adds. */
const oracle = new Environment({ limits: { maxAstNodes: 2_000 } });
for (const [i, type] of types.entries())
  oracle.registerVariable(`arg${i}`, type === "string" ? "string" : isUnsigned(i) ? "uint" : "int");

const Uint = (oracle.evaluate("1u") as object).constructor as new (value: bigint) => object;
for (const [name, bits] of [
  ["and", (a: bigint, b: bigint) => a & b],
  ["or", (a: bigint, b: bigint) => a | b],
  ["xor", (a: bigint, b: bigint) => a ^ b],
] as const) {
  oracle.registerFunction(`${name}(int, int): int`, bits);
  oracle.registerFunction(
    `${name}(uint, uint): uint`,
    (a: object, b: object) => new Uint(bits(a.valueOf() as bigint, b.valueOf() as bigint)),
  );
}

/** True, false, or no value. */
function evaluate(text: string, values: readonly Value[]): boolean | undefined {
  const named = values.map((value, i) => [
    `arg${i}`,
    typeof value === "bigint" && isUnsigned(i) ? new Uint(value) : value,
  ]);
  try {
    return oracle.evaluate(text, Object.fromEntries(named)) as boolean;
  } catch (error) {
    if (error instanceof EvaluationError && /overflow/.test(error.message)) return undefined;
    throw error;
  }
}

describe("against an evaluation of the expression itself", () => {
  it("holds exactly where the expression is true", () => {
    let [compiled, held, failed] = [0, 0, 0];
    fc.assert(
      fc.property(
        expression,
        fc.array(anyValues, { minLength: 5, maxLength: 5 }),
        (text, calls) => {
          const { filter, problems } = compile(text);
          const isNever = problems.some((one) => one.includes("true for no call"));
          if (problems.some((one) => one.startsWith("error")) && !isNever) {
            // Too many alternatives are the only reason for which these can be refused.
            expect(problems.join()).toMatch(/more than 64 |takes bits|order of bits/);
            return;
          }
          compiled++;
          for (const values of calls) {
            const wanted = evaluate(text, values);
            if (wanted === undefined) failed++;
            const got = !isNever && holds(filter, values);
            if (got) held++;
            expect([text, values, got]).toEqual([text, values, wanted === true]);
          }
        },
      ),
      { numRuns: 6_000 },
    );
    expect(compiled).toBeGreaterThan(4_000);
    expect(held).toBeGreaterThan(4_000);
    expect(failed).toBeGreaterThan(300);
  }, 180_000);

  // Of which the library knows nothing: numbers with and without a sign, and those whose 32 bits are read otherwise.
  const low32 = (value: Value = 0n) => BigInt.asUintN(32, BigInt(value));
  const int32 = (value: Value = 0n) => BigInt.asIntN(32, BigInt(value));
  it.each<[string, (values: readonly Value[]) => boolean]>([
    ["arg0 < arg1", ([a = 0, b = 0]) => a < b],
    ["arg3 >= arg2", ([, , a = 0, b = 0]) => b >= a],
    ["arg2 != arg3", ([, , a, b]) => a !== b],
    ["arg5 == arg3", ([, , , a, , b]) => a === b],
    ["int32(arg1) == arg0", ([a, b]) => int32(b) === a],
    ["uint32(arg0) == arg1", ([a, b]) => low32(a) === b],
    ["uint32(arg5) > arg1", ([, b = 0n, , , , a]) => low32(a) > BigInt(b)],
    ["arg5 + 1 <= int32(arg1)", ([, b, , , , a = 0]) => BigInt(a) + 1n <= int32(b)],
    [
      "uint32(arg0) - arg1 < 10u",
      ([a, b = 0n]) => low32(a) >= BigInt(b) && low32(a) - BigInt(b) < 10n,
    ],
  ])("%s", (text, wanted) => {
    const { filter } = compile(text);
    const close = fc.tuple(anyValues, fc.nat(5), fc.nat(5), fc.integer({ min: -2, max: 2 }));
    let held = 0;
    fc.assert(
      fc.property(close, ([values, from, to, by]) => {
        const near = values.map((value, i) => {
          const type = viewOf(typeRow(types[i] ?? "int"));
          const [source] = [values[from]];
          if (i !== to || typeof source !== "bigint" || typeof value !== "bigint") return value;
          const moved = source + BigInt(by);
          return type.signed ? BigInt.asIntN(type.bits, moved) : BigInt.asUintN(type.bits, moved);
        });
        if (wanted(near)) held++;
        expect([near, holds(filter, near)]).toEqual([near, wanted(near)]);
      }),
      { numRuns: 2_000 },
    );
    expect(held).toBeGreaterThan(20);
  });
});
