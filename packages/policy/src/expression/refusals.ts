// SPDX-License-Identifier: Apache-2.0
import { ExpressionError } from "./expression-error.ts";
import { excerpt, type Node } from "./parse-expression.ts";

/** Values of the call, in a way that no filter is. */
export const notTogether = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" uses several values of the call in a way that the kernel's programs do not`,
    "Two numbers can be added, subtracted and compared with each other: `arg0 + 4 < arg1`. Compare everything else with numbers and texts.",
  );

export const notConstant = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" is not a value that is known beforehand`,
    "Write a number or a text there.",
  );

export const notNumbers = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" calculates with a text`,
    "Calculate with numbers only.",
  );

type Kind = "a number" | "a text";

export const differentKinds = (node: Node, a: Kind, b: Kind) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" compares ${a} with ${b}`,
    "Write numbers without quotes and texts in quotes, as the type of the argument is.",
  );

export const differentSigns = (node: Node) =>
  new ExpressionError(
    node.start,
    `"${excerpt(node)}" calculates with a number that has a sign and one that has none`,
    "Compare the two instead (`arg0 < arg1`), or give both arguments a type with a sign, or both one without, in `args`.",
  );

export const unknownFunction = (node: Node, name: string) =>
  new ExpressionError(
    node.start,
    `${name.slice(0, 60)}() is not available in expressions`,
    "Available: startsWith(), endsWith() and contains() of texts; int32(), uint32(), and(), or(), xor() and not() of numbers.",
  );
