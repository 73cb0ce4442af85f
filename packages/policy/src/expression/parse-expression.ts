// SPDX-License-Identifier: Apache-2.0
import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";
import { ExpressionError } from "./expression-error.ts";

/** A node of an expression in the Common Expression Language (https://github.com/google/cel-spec). */
export type Node = ASTNode;

/** More was not written by a person; it also bounds the recursion over the tree. */
const limits = {
  maxAstNodes: 2_000,
  maxDepth: 64,
  maxListElements: 1_024,
  maxMapEntries: 1,
  maxCallArguments: 8,
};

let environment: Environment | undefined;

/** @throws ExpressionError */
export function parseExpression(source: string): Node {
  environment ??= new Environment({ limits });
  try {
    return environment.parse(source).ast;
  } catch (error) {
    if (error instanceof ParseError)
      throw new ExpressionError(
        error.range?.start ?? 0,
        `The expression cannot be read: ${error.summary}`,
        hintFor(source),
      );
    // The parser's own, such as for a number that is too large.
    const [message = ""] = error instanceof Error ? error.message.split("\n") : [];
    throw new ExpressionError(0, `The expression cannot be read: ${message}`, hintFor(source));
  }
}

function hintFor(source: string): string {
  if (/[^<>=!]=[^=]/.test(source)) return "Write `==` to compare.";
  if (/[^&]&[^&]|[^|]\|[^|]|\^|~/.test(source))
    return "Write `&&` and `||` for conditions; and(), or(), xor() and not() for the bits of numbers.";
  return "Write a condition such as `arg0 == 1 && arg1 > 0x10`.";
}

/** A part of the expression as it is written, cut if it is long. */
export function excerpt({ input, start, end }: Node): string {
  const text = input.slice(start, end).replaceAll(/\s+/g, " ");
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/** By position: where an expression names the argument first. */
export function argumentsIn(root: Node): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) for (const one of part) visit(one);
    else if (isNode(part)) {
      const position = part.op === "id" ? positionOf(part.args) : undefined;
      if (position !== undefined && !found.has(position)) found.set(position, part.start);
      visit(part.args);
    }
  };
  visit(root);
  return found;
}

const isNode = (part: unknown): part is Node =>
  typeof part === "object" && part !== null && "op" in part && "args" in part;

/** Of the argument with this name: `arg0`, `arg1` … */
export function positionOf(name: string): number | undefined {
  const [, digits] = /^arg(0|[1-9]\d{0,2})$/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
