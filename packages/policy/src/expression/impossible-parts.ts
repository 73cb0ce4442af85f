// SPDX-License-Identifier: Apache-2.0
import { alternativesOf, type Formula } from "./formula.ts";
import { lowerExpression, type Names } from "./lower-expression.ts";
import { argumentsIn, type Node } from "./parse-expression.ts";

/**
 * Sides of an `||` and values of a list that no call passes: the rest of the expression decides without them,
 * so that a typing error in one would go unnoticed. `most`: alternatives that a side may have.
 * @throws ExpressionError
 */
export function impossibleParts(
  root: Node,
  typeOf: Names["typeOf"],
  most: number,
): readonly Node[] {
  const found: Node[] = [];
  // Some value passes any comparison of texts; they have been checked before.
  const textTest: Names["textTest"] = (_, __, values) => ({
    ...{ op: "str-equal", negate: false, values: values.map(({ text }) => text) },
  });
  const names = { typeOf, textTest };
  const isNever = (node: Node) => neverHolds(lowerExpression(node, names), most);
  const visit = (node: Node): void => {
    switch (node.op) {
      case "||":
        for (const side of node.args)
          if (side.op !== "||" && argumentsIn(side).size > 0 && isNever(side)) found.push(side);
          else visit(side);
        return;
      case "&&":
      case "?:":
        node.args.forEach(visit);
        return;
      case "!_":
        visit(node.args);
        return;
      case "in": {
        const [item, list] = node.args;
        if (list.op !== "list" || list.args.length < 2 || argumentsIn(item).size === 0) return;
        found.push(
          ...list.args.filter((value) => isNever({ ...node, op: "==", args: [item, value] })),
        );
      }
    }
  };
  visit(root);
  return found;
}

const neverHolds = (formula: Formula, most: number): boolean => {
  const lists = alternativesOf(formula, most, () => 0);
  return Array.isArray(lists) && lists.length === 0;
};
