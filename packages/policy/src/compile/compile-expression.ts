// SPDX-License-Identifier: Apache-2.0
import {
  type ArgSelectorSpec,
  type ArgType,
  type ArgTypeRow,
  argOperatorsByName,
  type HookKind,
  typeRow,
} from "@gander/crd-schemas";
import type { ArgTest, CompiledFilter, TypedFilter } from "../compiled-policy.ts";
import { hasForm } from "../compiled-policy.ts";
import { ExpressionError } from "../expression/expression-error.ts";
import { alternativesOf, type Literal } from "../expression/formula.ts";
import { impossibleParts } from "../expression/impossible-parts.ts";
import { complement, type IntegerSet } from "../expression/integer-sets.ts";
import { viewOf } from "../expression/integer-term.ts";
import {
  lowerExpression,
  type Names,
  type TextComparison,
} from "../expression/lower-expression.ts";
import { farthest } from "../expression/pair-term.ts";
import {
  argumentsIn,
  excerpt,
  type Node,
  parseExpression,
} from "../expression/parse-expression.ts";
import { limits } from "../limits.ts";
import { pathText, type Scope } from "../scope.ts";
import type { Args } from "./compile-args.ts";
import { compileTest } from "./compile-test.ts";

/** Of each argument in the hook's list. auto: a kernel decides; undefined: it has an error of its own. */
type ArgTypes = readonly (ArgType | "auto" | undefined)[];

type Compiled = {
  /** Undefined: it always holds. */
  readonly filter: TypedFilter | undefined;
  /** Positions of the arguments that it names. */
  readonly used: ReadonlyMap<number, unknown>;
};

/** Those of a hook: as compiled, and the `index` that each has in the spec. */
type Arguments = {
  readonly args: Args;
  readonly declared: readonly (number | undefined)[];
  readonly kind: HookKind;
};

/** CelExpr: a condition on all arguments of the hook, whichever the entry names. */
export function compileExpressionFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  { args, declared, kind }: Arguments,
): CompiledFilter | undefined {
  const place = scope.at("values");
  const [source, ...more] = spec.values ?? [];
  if (source === undefined || more.length > 0) {
    place.error(
      source === undefined ? "policy-missing-field" : "policy-bad-value",
      `CelExpr takes one expression, and has ${more.length + (source === undefined ? 0 : 1)}`,
      "Write one, such as `arg0 == 1 || arg1 > 5`; further entries of matchArgs must hold as well.",
    );
    return undefined;
  }
  // What the schema refused may have had any number of arguments.
  const isComplete = declared.length === args.length;
  const types = args.map((arg) => arg?.type);
  const compiled = compileExpression(source, types, place.at(0), { isComplete });
  if (compiled === undefined) return undefined;
  if (compiled === "untyped") return { on: "expression", text: source, path: pathText(scope.path) };
  const { used, filter } = compiled;
  const positions = spec.args ?? (spec.index === undefined ? [] : indexes(spec.index));
  if (positions.length > 0 && !positions.some((position) => used.has(position)))
    scope
      .at(spec.args === undefined ? "index" : "args")
      .onKey.warning(
        "policy-index",
        "The expression does not use the argument that the entry names",
        "arg0, arg1 … in it are positions in the hook's list `args`, whatever the entry names.",
      );
  return filter;

  /** Positions that an index may mean. */
  function indexes(index: number): readonly number[] {
    const position = declared.indexOf(index);
    return [position < 0 ? index : position, ...(kind === "tracepoint" ? [index] : [])];
  }
}

/**
 * The filter that an expression stands for. untyped: it names an argument whose type a kernel decides. Undefined: it
 * has an error, which is reported.
 */
export function compileExpression(
  source: string,
  types: ArgTypes,
  scope: Scope,
  { isComplete } = { isComplete: true },
): Compiled | "untyped" | undefined {
  if (source.length > limits.expressionCharacters) {
    scope.error(
      "policy-out-of-bounds",
      `The expression has ${source.length} characters; ${limits.expressionCharacters} are possible`,
      "Write values as lists of other operators, or several selectors.",
    );
    return undefined;
  }
  try {
    const root = parseExpression(source);
    const used = argumentsIn(root);
    if (!isComplete) return undefined;
    for (const [position, at] of used) checkPosition(position, at, types);
    const named = [...used.keys()].map((position) => types[position]);
    if (named.includes(undefined)) return undefined;
    if (named.includes("auto")) return "untyped";
    const texts = new TextTests(scope);
    const typeOf = (position: number) => rowOf(types[position]);
    const formula = lowerExpression(root, { typeOf, textTest: texts.test });
    if (texts.failed) return undefined;
    const found = alternativesOf(formula, limits.alternatives, weightOf(types));
    if (!checked(found, types, scope)) return undefined;
    if (found !== true)
      for (const part of impossibleParts(root, typeOf, limits.alternatives))
        warnOfImpossible(part, scope.character(part.start));
    return { filter: filterOf(found, types), used };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    scope.character(error.at).error("policy-bad-value", error.message, error.hint);
    return undefined;
  }
}

function checkPosition(position: number, at: number, types: ArgTypes): void {
  if (position < types.length) return;
  const read = types.length === 1 ? "one argument" : `${types.length} arguments`;
  throw new ExpressionError(
    at,
    `The expression names arg${position}, and the hook reads ${read}`,
    "Positions count from 0 in the hook's list `args`, whatever their `index`.",
  );
}

function warnOfImpossible(part: Node, scope: Scope): void {
  scope.warning(
    "policy-contradiction",
    `"${excerpt(part)}" can never be true, so the rest of the expression decides alone`,
    "Correct it, or leave it out: each argument has the values of its type.",
  );
}

/** The others are refused, or left to a kernel, before a type is asked for. */
const rowOf = (type: ArgTypes[number]): ArgTypeRow =>
  typeRow(type === undefined || type === "auto" ? "nop" : type);

/** Compiles the texts of an expression as the operators do that compare with one. */
class TextTests {
  readonly #scope: Scope;
  failed = false;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  readonly test: Names["textTest"] = (how, type, values) => {
    const name = operatorOf[how];
    const operator = argOperatorsByName.get(name);
    if (operator === undefined) throw new RangeError(`there is no operator ${name}`);
    const tests = values.map(({ text, node }) =>
      compileTest({ ...operator, name }, type.type, [text], this.#scope.character(node.start)),
    );
    const whole = tests.flatMap((one) => (one !== undefined && hasForm(one, "texts") ? [one] : []));
    if (whole.length < tests.length) this.failed = true;
    const [first = { op: "str-equal" as const, negate: false, values: [] }] = whole;
    return { ...first, values: [...new Set(whole.flatMap((one) => one.values))].sort() };
  };
}

const operatorOf: Readonly<Record<TextComparison, string>> = {
  equal: "Equal",
  prefix: "Prefix",
  postfix: "Postfix",
  contains: "SubString",
};

type Alternatives = ReturnType<typeof alternativesOf>;

/** Whether it can be evaluated, and some calls pass it. */
function checked(found: Alternatives, types: ArgTypes, scope: Scope): boolean {
  if (found === true) {
    scope.warning(
      "policy-contradiction",
      "The expression is true for every call",
      "Leave the entry out, or correct the expression.",
    );
  } else if (found === undefined) {
    scope.error(
      "policy-out-of-bounds",
      `The expression has more than ${limits.alternatives} alternatives when it is written without parentheses`,
      "Write some of them as selectors of their own, with the same actions; values of one argument as `arg0 in [1, 2]`.",
    );
    return false;
  } else if (found.length === 0) {
    scope.error(
      "policy-contradiction",
      "The expression is true for no call",
      "Correct it: each argument has the values of its type.",
    );
    return false;
  } else if (found.some((list) => list.some((one) => rangesOf(one, types) > limits.ranges))) {
    scope.error(
      "policy-out-of-bounds",
      `The expression leaves an argument more than ${limits.ranges} ranges of values`,
      "Write fewer comparisons with < and >, or several selectors.",
    );
    return false;
  }
  return true;
}

const rangesOf = (literal: Literal, types: ArgTypes): number => {
  const test = testOf(literal, types);
  return hasForm(test, "ranges") || hasForm(test, "pairs") ? test.ranges.length : 0;
};

const weightOf = (types: ArgTypes) => (list: readonly Literal[]) =>
  list.reduce((product, literal) => product * rowsOf(testOf(literal, types)), 1);

/** Lists of rows that a filter becomes. */
export function alternativesIn(filter: CompiledFilter): number {
  if (filter.on === "arg") return rowsOf(filter.test);
  if (filter.on !== "any") return 1;
  return filter.of.reduce(
    (sum, list) => sum + list.reduce((product, { test }) => product * rowsOf(test), 1),
    0,
  );
}

/** A row of the programs has two ranges; of what two arguments make, one. */
function rowsOf(test: ArgTest): number {
  if (test.negate) return 1;
  if (hasForm(test, "pairs")) return test.ranges.length;
  return hasForm(test, "ranges") ? Math.ceil(test.ranges.length / 2) : 1;
}

function filterOf(found: Alternatives, types: ArgTypes): TypedFilter | undefined {
  if (found === true || found === undefined) return undefined;
  const of = found.map((list) =>
    list.map((literal) => ({
      on: "arg" as const,
      arg: literal.arg,
      test: testOf(literal, types),
    })),
  );
  const [only] = of.length === 1 && of[0]?.length === 1 ? of[0] : [];
  return only ?? { on: "any", of };
}

function testOf(literal: Literal, types: ArgTypes): ArgTest {
  switch (literal.is) {
    case "text":
      return literal.test;
    case "bits":
      return { op: "mask", negate: !literal.some, values: [literal.bits] };
    case "pair": {
      const { how, other, set } = literal;
      return { op: how, other, ...fewest(set, complement(set, farthest)) };
    }
    case "set":
      return setTest(literal.set, types[literal.arg]);
  }
}

/** In the form with the fewest values. */
function setTest(set: IntegerSet, type: ArgTypes[number]): ArgTest {
  const whole = viewOf(rowOf(type)).range;
  const others = complement(set, whole);
  if (isPoints(set)) return pointsTest(set, false);
  if (others.length > 0 && isPoints(others)) return pointsTest(others, true);
  return { op: "range", ...fewest(set, others) };
}

function fewest(set: IntegerSet, others: IntegerSet) {
  const isShorter = others.length > 0 && others.length < set.length;
  return { negate: isShorter, ranges: isShorter ? others : set };
}

const isPoints = (set: IntegerSet) => set.every(([low, high]) => low === high);

function pointsTest(set: IntegerSet, negate: boolean): ArgTest {
  return { op: set.length > 4 ? "in-set" : "equal", negate, values: set.map(([value]) => value) };
}
