// SPDX-License-Identifier: Apache-2.0
import type { Schema } from "./schema.ts";

export type JsonSchema = { readonly [key: string]: unknown };

/** For ajv: objects are definitions, because they occur in many places; unknown fields are errors. */
export function toJsonSchema(root: Schema): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const convert = (schema: Schema): JsonSchema => {
    switch (schema.kind) {
      case "any":
        return {};
      case "text":
        return clean({
          type: "string",
          enum: schema.values,
          maxLength: schema.maxLength,
          pattern: schema.pattern,
        });
      case "integer":
        return { type: "integer", minimum: schema.min, maximum: schema.max };
      case "boolean":
        return { type: "boolean" };
      case "list":
        return clean({ type: "array", items: convert(schema.items), maxItems: schema.maxItems });
      case "map":
        return { type: "object", additionalProperties: convert(schema.values) };
      case "object":
        definitions[schema.name] ??= objectSchema(schema, (field) => convert(field));
        return { $ref: `#/$defs/${schema.name}` };
    }
  };
  return { ...convert(root), $defs: definitions };
}

function objectSchema(
  schema: Extract<Schema, { kind: "object" }>,
  convert: (schema: Schema) => JsonSchema,
): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const needed: string[] = [];
  for (const [name, field] of Object.entries(schema.fields)) {
    const converted = convert(field.schema);
    properties[name] =
      field.presence === "default" ? { ...converted, default: field.value } : converted;
    if (field.presence === "required") needed.push(name);
  }
  return { type: "object", properties, required: needed, additionalProperties: false };
}

/** Without undefined keys. */
export const clean = (schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
