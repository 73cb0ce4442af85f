// SPDX-License-Identifier: Apache-2.0
import type { ArgTypeRow } from "@gander/crd-schemas";
import type { TestOf } from "../compiled-policy.ts";
import { ExpressionError } from "./expression-error.ts";
import { and, type Formula, or } from "./formula.ts";
import { everything, type IntegerSet, union } from "./integer-sets.ts";
import { type BitsTerm, bitsAre, hasBits, isIn } from "./integer-term.ts";
import { isVariable, kindOf, type Operand, operand, type Variable } from "./operand.ts";
import { differenceOf, isSumIn } from "./pair-term.ts";
import { excerpt, type Node } from "./parse-expression.ts";
import { differentKinds, notConstant, notTogether, unknownFunction } from "./refusals.ts";

/** What the names in an expression stand for. */
export type Names = {
  /** Type of the argument at this position of the hook's list. */
  readonly typeOf: (position: number) => ArgTypeRow;
  /** The test of a text. */
  readonly textTest: (
    how: TextComparison,
    type: ArgTypeRow,
    values: readonly { readonly text: string; readonly node: Node }[],
  ) => TestOf<"texts">;
};

export type TextComparison = "equal" | "prefix" | "postfix" | "contains";

/**
 * What holds where the expression is true. As in the Common Expression Language, a part without a value decides
 * nothing if the other parts decide: `false && x` is false, `true || x` is true.
 * @throws ExpressionError
 */
export function lowerExpression(root: Node, names: Names): Formula {
  return condition(root, true, names);
}

/** What holds where the node is true, or where it is false: where it has no value, neither. */
function condition(node: Node, wanted: boolean, names: Names): Formula {
  switch (node.op) {
    case "&&":
    case "||": {
      const parts = node.args.map((part) => condition(part, wanted, names));
      return (node.op === "&&") === wanted ? and(parts) : or(parts);
    }
    case "!_":
      return condition(node.args, !wanted, names);
    case "?:": {
      const [choice, yes, no] = node.args;
      return or([
        and([condition(choice, true, names), condition(yes, wanted, names)]),
        and([condition(choice, false, names), condition(no, wanted, names)]),
      ]);
    }
    case "==":
    case "!=":
      return equality(node, (node.op === "==") === wanted, names);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return order(node, node.op, wanted, names);
    case "in":
      return membership(node, wanted, names);
    case "rcall":
      return partOfText(node, wanted, names);
    case "value":
      if (typeof node.args === "boolean") return node.args === wanted;
  }
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" is not a condition`,
    "Compare values: `arg0 == 1`, `arg1 in [2, 3]`, `arg2.startsWith('/etc/')`.",
  );
}

type Constant = Exclude<Operand, Variable>;

type Binary = Extract<Node, { op: "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" }>;

function equality(node: Binary, wanted: boolean, names: Names): Formula {
  const [left, right] = operands(node, names);
  if (isVariable(right)) return relation(node, [left, right], [[0n, 0n]], wanted);
  return among(node, left, [right], wanted, names);
}

function membership(node: Binary, wanted: boolean, names: Names): Formula {
  const [item, list] = node.args;
  if (list.op !== "list")
    throw new ExpressionError(
      list.start,
      `"${excerpt(list)}" is not a list`,
      "Write the values in brackets: `arg0 in [1, 2]`.",
    );
  const values = list.args.map((one) => {
    const value = operand(one, names);
    if (isVariable(value)) throw notConstant(one);
    return value;
  });
  return among(node, operand(item, names), values, wanted, names);
}

/** Whether a value is one of others. */
function among(
  node: Binary,
  value: Operand,
  constants: readonly Constant[],
  wanted: boolean,
  { textTest }: Names,
): Formula {
  for (const other of constants)
    if (kindOf(value) !== kindOf(other)) throw differentKinds(node, kindOf(value), kindOf(other));
  switch (value.is) {
    case "number":
    case "string":
      return constants.some((one) => "value" in one && one.value === value.value) === wanted;
    case "text": {
      const values = constants.flatMap((one) =>
        one.is === "string" ? [{ text: one.value, node: one.node }] : [],
      );
      if (values.length === 0) return !wanted;
      const test = textTest("equal", value.type, values);
      return { is: "text", arg: value.arg, test: { ...test, negate: !wanted } };
    }
    default: {
      const numbers = constants.flatMap((one) => (one.is === "number" ? [one.value] : []));
      const set = union(numbers.map((one) => [one, one]));
      if (value.is === "linear") return isIn(value, set, wanted);
      if (value.is === "pair") return isSumIn(value, set, wanted);
      const each = numbers.map((one) => bitsAre(value, one, wanted));
      return wanted ? or(each) : and(each);
    }
  }
}

type Order = "<" | "<=" | ">" | ">=";

const mirrored = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

/** The numbers that are on this side of the bound. */
const beyond: Readonly<Record<Order, (bound: bigint) => IntegerSet>> = {
  "<": (bound) => [[everything[0], bound - 1n]],
  "<=": (bound) => [[everything[0], bound]],
  ">": (bound) => [[bound + 1n, everything[1]]],
  ">=": (bound) => [[bound, everything[1]]],
};

function order(node: Binary, op: Order, wanted: boolean, names: Names): Formula {
  const [value, bound, isTurned] = operands(node, names);
  for (const one of [value, bound])
    if (kindOf(one) !== "a number")
      throw new ExpressionError(
        node.start,
        `"${excerpt(node)}" compares the order of texts`,
        "Only numbers have one here. Compare texts with ==, !=, in, startsWith(), endsWith() or contains().",
      );
  if (isVariable(bound)) return relation(node, [value, bound], beyond[op](0n), wanted);
  const set = beyond[isTurned ? mirrored[op] : op](bound.is === "number" ? bound.value : 0n);
  const has = (number: bigint) => set.some(([low, high]) => number >= low && number <= high);
  if (value.is === "number") return has(value.value) === wanted;
  if (value.is === "linear") return isIn(value, set, wanted);
  if (value.is === "pair") return isSumIn(value, set, wanted);
  return orderOfBits(node, value as BitsTerm, has, wanted);
}

/** Whether the first of two values of the call is as far from the second as one of the numbers says. */
function relation(
  node: Binary,
  [left, right]: readonly [Operand, Operand],
  set: IntegerSet,
  wanted: boolean,
): Formula {
  if (kindOf(left) !== kindOf(right)) throw differentKinds(node, kindOf(left), kindOf(right));
  if (left.is !== "linear" || right.is !== "linear") throw notTogether(node);
  return isSumIn(differenceOf(left, right), set, wanted);
}

/** Of bits, only whether one is set can be told by an order. */
function orderOfBits(
  node: Node,
  term: BitsTerm,
  has: (number: bigint) => boolean,
  wanted: boolean,
): Formula {
  const { mask } = term;
  const isOrdered = term.flip === 0n && mask < 1n << 63n;
  const [zero, one, most] = [0n, 1n, mask].map(has);
  // The set has one bound: what holds for the first and the last holds for all between.
  if (isOrdered && one === most) {
    const found =
      zero === one ? bitsAre(term, -1n, zero !== wanted) : hasBits(term, one === wanted);
    if (found !== undefined) return found;
  }
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" compares the order of bits`,
    "Compare the result of and(), or(), xor() with == or !=.",
  );
}

const comparisons: Readonly<Record<string, TextComparison>> = {
  startsWith: "prefix",
  endsWith: "postfix",
  contains: "contains",
};

function partOfText(node: Extract<Node, { op: "rcall" }>, wanted: boolean, names: Names): Formula {
  const [name, receiver, args] = node.args;
  const how = Object.hasOwn(comparisons, name) ? comparisons[name] : undefined;
  if (how === undefined) throw unknownFunction(node, name);
  const [value, part, ...more] = [receiver, ...args].map((one) => operand(one, names));
  if (value === undefined || part === undefined || more.length > 0)
    throw new ExpressionError(
      node.start,
      `${name}() compares with one text`,
      `Write \`arg0.${name}('TEXT')\`.`,
    );
  for (const one of [value, part])
    if (kindOf(one) !== "a text")
      throw new ExpressionError(
        node.start,
        `${name}() compares texts, and "${excerpt(node)}" has a number`,
        "Compare numbers with ==, <, > or in.",
      );
  if (value.is === "string" && part.is === "string")
    return holdsOf[how](value.value, part.value) === wanted;
  if (value.is !== "text" || part.is !== "string") {
    const [variable] = args;
    throw part.is === "text" && variable ? notConstant(variable) : notTogether(node);
  }
  const test = names.textTest(how, value.type, [{ text: part.value, node: part.node }]);
  return { is: "text", arg: value.arg, test: { ...test, negate: !wanted } };
}

const holdsOf: Readonly<Record<TextComparison, (text: string, part: string) => boolean>> = {
  equal: (text, part) => text === part,
  prefix: (text, part) => text.startsWith(part),
  postfix: (text, part) => text.endsWith(part),
  contains: (text, part) => text.includes(part),
};

/** The variable first. `isTurned`: it is written second. */
function operands(node: Binary, names: Names): [Operand, Operand, boolean] {
  const [left, right] = node.args.map((one) => operand(one, names)) as [Operand, Operand];
  const isTurned = !isVariable(left) && isVariable(right);
  return isTurned ? [right, left, true] : [left, right, false];
}
