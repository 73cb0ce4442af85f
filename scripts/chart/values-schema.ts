// SPDX-License-Identifier: Apache-2.0
import type { ChartValue, Schema } from "./chart-value.ts";
import { isValue, type ValueTree, valueTree } from "./value-tree.ts";

/** values.schema.json */
export function valuesSchema(values: readonly ChartValue[]): string {
  const { image, ...others } = asSchema(valueTree(values)).properties as Record<string, Schema>;
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    additionalProperties: false,
    required: ["image"],
    // Helm puts the values of a parent chart there.
    properties: {
      global: { type: "object" },
      image: { ...image, required: ["repository"] },
      ...others,
    },
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function asSchema(tree: ValueTree): Schema {
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(tree).map(([key, node]) => [
        key,
        isValue(node) ? { ...node.schema, description: node.help } : asSchema(node),
      ]),
    ),
  };
}
