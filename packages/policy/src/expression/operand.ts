// SPDX-License-Identifier: Apache-2.0
import { type ArgTypeRow, operatorsFor } from "@gander/crd-schemas";
import { ExpressionError } from "./expression-error.ts";
import {
  argument,
  as32Bits,
  type BitsTerm,
  bitsOf,
  flipped,
  inverted,
  type LinearTerm,
  masked,
  shifted,
  withBits,
} from "./integer-term.ts";
import { type PairTerm, shiftedSum, sumOf } from "./pair-term.ts";
import { excerpt, type Node, positionOf } from "./parse-expression.ts";
import { differentSigns, notNumbers, notTogether, unknownFunction } from "./refusals.ts";

type TypeOf = {
  /** Type of the argument at this position of the hook's list. */
  readonly typeOf: (position: number) => ArgTypeRow;
};

/** A side of a comparison. */
export type Operand =
  | { readonly is: "number"; readonly value: bigint }
  | { readonly is: "string"; readonly value: string; readonly node: Node }
  | { readonly is: "text"; readonly arg: number; readonly type: ArgTypeRow }
  | LinearTerm
  | BitsTerm
  | PairTerm;

export type Variable = Exclude<Operand, { is: "number" | "string" }>;

export const isVariable = (value: Operand): value is Variable =>
  value.is !== "number" && value.is !== "string";

export const kindOf = ({ is }: Operand) =>
  is === "string" || is === "text" ? "a text" : "a number";

export function operand(node: Node, names: TypeOf): Operand {
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

function variable(node: Node, name: string, names: TypeOf): Operand {
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
  if (left.is === "pair" && right.is === "number")
    return shiftedSum(left, 1n, factor * right.value);
  if (left.is === "number" && right.is === "pair") return shiftedSum(right, factor, left.value);
  if (left.is === "linear" && right.is === "linear") {
    if (left.view.signed !== right.view.signed) throw differentSigns(node);
    return sumOf(left, right, factor);
  }
  if (isVariable(left) && isVariable(right)) throw notTogether(node);
  throw new ExpressionError(
    node.start,
    `"${excerpt(node)}" calculates with bits`,
    "Compare the result of and(), or(), xor() with == or !=.",
  );
}

function product(
  node: Extract<Node, { op: "*" | "/" | "%" }>,
  op: "*" | "/" | "%",
  names: TypeOf,
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

function call(node: Node, name: string, args: readonly Node[], names: TypeOf): Operand {
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
  const found = value.is === "linear" || value.is === "bits" ? inverted(value) : undefined;
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
  if (by.is !== "number") throw notTogether(node);
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
