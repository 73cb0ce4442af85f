// SPDX-License-Identifier: Apache-2.0
import { type ArgTypeRow, operatorsFor } from "@gander/crd-schemas";
import type { TestOf } from "../compiled-policy.ts";
import { ExpressionError } from "./expression-error.ts";
import { and, type Formula, or } from "./formula.ts";
import { everything, type IntegerSet, union } from "./integer-sets.ts";
import {
  argument,
  as32Bits,
  type BitsTerm,
  bitsAre,
  bitsOf,
  flipped,
  hasBits,
  inverted,
  isIn,
  type LinearTerm,
  masked,
  shifted,
  withBits,
} from "./integer-term.ts";
import { excerpt, type Node, positionOf } from "./parse-expression.ts";

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

type Binary = Extract<Node, { op: "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" }>;

function equality(node: Binary, wanted: boolean, names: Names): Formula {
  const [left, right] = operands(node, names);
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
  others: readonly Operand[],
  wanted: boolean,
  { textTest }: Names,
): Formula {
  const constants = others.filter((one) => !isVariable(one));
  if (constants.length < others.length) throw twoArguments(node);
  for (const other of constants)
    if (kindOf(value) !== kindOf(other)) throw differentKinds(node, value, other);
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
      if (value.is === "linear")
        return isIn(value, union(numbers.map((one) => [one, one])), wanted);
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
  if (isVariable(bound) || bound.is !== "number") throw twoArguments(node);
  const set = beyond[isTurned ? mirrored[op] : op](bound.value);
  const has = (number: bigint) => set.some(([low, high]) => number >= low && number <= high);
  if (value.is === "number") return has(value.value) === wanted;
  if (value.is === "linear") return isIn(value, set, wanted);
  return orderOfBits(node, value as BitsTerm, has, wanted);
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
    throw part.is === "text" && variable ? notConstant(variable) : twoArguments(node);
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

/** A side of a comparison. */
type Operand =
  | { readonly is: "number"; readonly value: bigint }
  | { readonly is: "string"; readonly value: string; readonly node: Node }
  | { readonly is: "text"; readonly arg: number; readonly type: ArgTypeRow }
  | LinearTerm
  | BitsTerm;

type Variable = Exclude<Operand, { is: "number" | "string" }>;

const isVariable = (value: Operand): value is Variable =>
  value.is !== "number" && value.is !== "string";

const kindOf = ({ is }: Operand) => (is === "string" || is === "text" ? "a text" : "a number");

/** The variable first. `isTurned`: it is written second. */
function operands(node: Binary, names: Names): [Operand, Operand, boolean] {
  const [left, right] = node.args.map((one) => operand(one, names)) as [Operand, Operand];
  const isTurned = !isVariable(left) && isVariable(right);
  return isTurned ? [right, left, true] : [left, right, false];
}

function operand(node: Node, names: Names): Operand {
  switch (node.op) {
    case "value":
      return literal(node);
    case "id":
      return variable(node, node.args, names);
    case "-_":
      return plus(node, number(0n), operand(node.args, names), -1n);
    case "+":
    case "-": {
      const [left, right] = node.args.map((one) => operand(one, names)) as [Operand, Operand];
      if (node.op === "+" && left.is === "string" && right.is === "string")
        return { is: "string", value: left.value + right.value, node };
      return plus(node, left, right, node.op === "+" ? 1n : -1n);
    }
    case "*":
    case "/":
    case "%":
      return product(node, node.op, names);
    case "call":
      return call(node, node.args[0], node.args[1], names);
    default:
      throw new ExpressionError(
        node.start,
        `"${excerpt(node)}" is not a value that can be compared`,
        "Compare arguments (arg0, arg1 …) with numbers and texts.",
      );
  }
}

const number = (value: bigint): Operand => ({ is: "number", value });

function literal(node: Extract<Node, { op: "value" }>): Operand {
  const { args: value } = node;
  // The parser represents unsigned numbers as objects.
  const plain: unknown = typeof value === "object" && value !== null ? value.valueOf() : value;
  if (typeof plain === "bigint") return number(plain);
  if (typeof plain === "string") return { is: "string", value: plain, node };
  if (plain instanceof Uint8Array) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain);
      return { is: "string", value: text, node };
    } catch {
      throw new ExpressionError(
        node.start,
        `${excerpt(node)} is not UTF-8`,
        "Compare with bytes that are a text, or compare a part of them.",
      );
    }
  }
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" is neither a whole number nor a text`,
    "Write a number (42, -1, 0x2a, 7u) or a text in quotes.",
  );
}

function variable(node: Node, name: string, names: Names): Operand {
  const position = positionOf(name);
  if (position === undefined)
    throw new ExpressionError(
      node.start,
      `"${name.slice(0, 60)}" is not known in an expression`,
      "Arguments are arg0, arg1 …: positions in the hook's list `args`. Texts are in quotes.",
    );
  const type = names.typeOf(position);
  if (type.family === "integer") return argument(position, type);
  if (textFamilies.has(type.family)) return { is: "text", arg: position, type };
  const fitting = operatorsFor(type);
  throw new ExpressionError(
    node.start,
    `${name} is of type ${type.type}, which an expression cannot compare`,
    fitting.length > 0
      ? `Write an entry of matchArgs beside this one, with ${fitting.join(", ")}.`
      : "Compare another argument.",
  );
}

const textFamilies: ReadonlySet<string> = new Set(["text", "path", "bytes"]);

/** `left + factor * right`. */
function plus(node: Node, left: Operand, right: Operand, factor: 1n | -1n): Operand {
  for (const one of [left, right]) if (kindOf(one) !== "a number") throw notNumbers(node);
  if (left.is === "number" && right.is === "number")
    return inRange(node, left.value + factor * right.value);
  if (left.is === "linear" && right.is === "number") return shifted(left, 1n, factor * right.value);
  if (left.is === "number" && right.is === "linear") return shifted(right, factor, left.value);
  if (isVariable(left) && isVariable(right)) throw twoArguments(node);
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" calculates with bits`,
    "Compare the result of and(), or(), xor() with == or !=.",
  );
}

function product(
  node: Extract<Node, { op: "*" | "/" | "%" }>,
  op: "*" | "/" | "%",
  names: Names,
): Operand {
  const [left, right] = node.args.map((one) => operand(one, names)) as [Operand, Operand];
  if (left.is !== "number" || right.is !== "number") {
    if (kindOf(left) !== "a number" || kindOf(right) !== "a number") throw notNumbers(node);
    throw new ExpressionError(
      node.start,
      `"${excerpt(node)}" calculates with an argument in a way that the kernel's programs do not`,
      "Arguments can be added to and subtracted from numbers. Write the numbers that the result stands for.",
    );
  }
  if (op !== "*" && right.value === 0n)
    throw new ExpressionError(node.start, `"${excerpt(node)}" divides by 0`, "Correct the number.");
  const results = {
    "*": () => left.value * right.value,
    "/": () => left.value / right.value,
    "%": () => left.value % right.value,
  };
  return inRange(node, results[op]());
}

function inRange(node: Node, value: bigint): Operand {
  if (value >= -(1n << 63n) && value < 1n << 64n) return number(value);
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" is ${value}, which has more than 64 bits`,
    "Correct the numbers.",
  );
}

function call(node: Node, name: string, args: readonly Node[], names: Names): Operand {
  const given = args.map((one) => operand(one, names));
  const takes = (count: number) => {
    if (given.length === count && given.every((one) => kindOf(one) === "a number")) return;
    const values = count === 1 ? "a number" : `${count} numbers`;
    throw new ExpressionError(node.start, `${name}() takes ${values}`, "Correct its arguments.");
  };
  switch (name) {
    case "int32":
    case "uint32":
      takes(1);
      return to32Bits(node, name, given[0] ?? number(0n));
    case "not":
      takes(1);
      return not(node, given[0] ?? number(0n));
    case "and":
    case "or":
    case "xor":
      takes(2);
      return bitwise(node, name, given as [Operand, Operand]);
    default:
      throw unknownFunction(node, name);
  }
}

/** The lowest 32 bits. */
function to32Bits(node: Node, name: "int32" | "uint32", value: Operand): Operand {
  const signed = name === "int32";
  if (value.is === "number")
    return number(signed ? BigInt.asIntN(32, value.value) : BigInt.asUintN(32, value.value));
  const found = value.is === "linear" ? as32Bits(value, signed) : undefined;
  if (found !== undefined) return found;
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" takes 32 bits of a number that has more`,
    `Write \`type: ${signed ? "int" : "uint32"}\` for the argument in \`args\`, and leave ${name}() out.`,
  );
}

function not(node: Node, value: Operand): Operand {
  if (value.is === "number") return number(-1n - value.value);
  const found = isVariable(value) && value.is !== "text" ? inverted(value) : undefined;
  if (found !== undefined) return found;
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" flips the bits of a number whose width is not certain`,
    "Leave not() out, and write the numbers that the result stands for.",
  );
}

const foldBits = {
  and: (a: bigint, b: bigint) => a & b,
  or: (a: bigint, b: bigint) => a | b,
  xor: (a: bigint, b: bigint) => a ^ b,
};

function bitwise(
  node: Node,
  name: "and" | "or" | "xor",
  [left, right]: readonly [Operand, Operand],
): Operand {
  if (left.is === "number" && right.is === "number")
    return inRange(node, foldBits[name](left.value, right.value));
  const [term, by] = left.is === "number" ? [right, left] : [left, right];
  if (by.is !== "number") throw twoArguments(node);
  const bits = term.is === "linear" || term.is === "bits" ? bitsOf(term) : undefined;
  if (bits === undefined)
    throw new ExpressionError(
      node.start,
      `"${excerpt(node)}" takes bits of a calculated number`,
      "Take those of the argument itself.",
    );
  if (!bits.signed && by.value < 0n)
    throw new ExpressionError(
      node.start,
      `${by.value} is negative, and the number in "${excerpt(node)}" has no sign`,
      `Write its bits: ${BigInt.asUintN(bits.type.bits ?? 64, by.value)}.`,
    );
  if (bits.signed && by.value >= 1n << 63n)
    throw new ExpressionError(
      node.start,
      `${by.value} does not fit into the number in "${excerpt(node)}", which has a sign`,
      `The same bits are ${BigInt.asIntN(64, by.value)}.`,
    );
  const apply = { and: masked, or: withBits, xor: flipped };
  return apply[name](bits, by.value);
}

const twoArguments = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" compares two values of the call`,
    "Compare each of them with numbers or texts.",
  );

const notConstant = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" is not a value that is known beforehand`,
    "Write a number or a text there.",
  );

const notNumbers = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" calculates with a text`,
    "Calculate with numbers only.",
  );

const differentKinds = (node: Node, a: Operand, b: Operand) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" compares ${kindOf(a)} with ${kindOf(b)}`,
    "Write numbers without quotes and texts in quotes, as the type of the argument is.",
  );

const unknownFunction = (node: Node, name: string) =>
  new ExpressionError(
    node.start,
    `${name.slice(0, 60)}() is not available in expressions`,
    "Available: startsWith(), endsWith() and contains() of texts; int32(), uint32(), and(), or(), xor() and not() of numbers.",
  );
