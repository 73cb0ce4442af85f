// SPDX-License-Identifier: Apache-2.0
import type { AdmissionRule, Field, ObjectSchema, Rule, Schema } from "./schema.ts";
import { publicValues } from "./schema.ts";
import type { JsonSchema } from "./to-json-schema.ts";
import { clean } from "./to-json-schema.ts";

/** The parts of a conversion that depend on a schema's place in the definition. */
export type Place = {
  /** Objects that have already been described. */
  readonly seen: Set<string>;
  readonly shapeOnly: boolean;
  /** The kind has all fields. */
  readonly isGuard: boolean;
};

/**
 * A schema in the API server's form: everything inline, no references; unknown fields are the server's
 * concern. An object that occurs in several places is described only in the first: selectors occur in
 * seven, and every copy would be in etcd and in all caches.
 *
 * Defaults are omitted: the API server would write them into stored objects, and tools that compare the
 * cluster with Git would find a difference that no user made. Readers of a policy fill them in.
 */
export function structural(schema: Schema, place: Place): JsonSchema {
  switch (schema.kind) {
    case "any":
      return { description: schema.help, "x-kubernetes-preserve-unknown-fields": true };
    case "text":
      return structuralText(schema, place);
    case "integer":
      return clean({
        description: schema.help,
        type: "integer",
        // Readers check the width of a number: here it would add two words in each of 180 places.
        minimum: schema.min >= -1 ? schema.min : undefined,
      });
    case "boolean":
      return { description: schema.help, type: "boolean" };
    case "list":
      return structuralList(schema, place);
    case "map":
      return {
        description: schema.help,
        type: "object",
        additionalProperties: structuralItem(schema.values, inside(place, schema.admission)),
      };
    case "object":
      return structuralObject(schema, place);
  }
}

/** The description of the list covers its plain entries. */
function structuralItem(schema: Schema, place: Place): JsonSchema {
  const converted = structural(schema, place);
  return schema.kind === "object" ? converted : withoutDescriptions(converted);
}

const inside = (place: Place, admission: { readonly shapeOnly?: true } | undefined): Place =>
  admission?.shapeOnly ? { ...place, shapeOnly: true } : place;

function structuralText(
  schema: Extract<Schema, { kind: "text" }>,
  { shapeOnly, isGuard }: Place,
): JsonSchema {
  const { help, format, maxLength, pattern, admission } = schema;
  const values = isGuard ? schema.values : publicValues(schema);
  const shape = { description: help, type: "string", format, enum: values };
  if (shapeOnly) return clean(shape);
  return clean({
    ...shape,
    minLength: admission?.minLength,
    maxLength,
    pattern: format ? undefined : (pattern ?? admission?.pattern),
  });
}

function structuralList(schema: Extract<Schema, { kind: "list" }>, place: Place): JsonSchema {
  const { help, items, key, maxItems, admission } = schema;
  return clean({
    description: help,
    type: "array",
    minItems: place.shapeOnly ? undefined : admission?.minItems,
    maxItems: maxItems ?? admission?.maxItems,
    "x-kubernetes-list-type": key && "map",
    "x-kubernetes-list-map-keys": key && [key],
    items: structuralItem(items, inside(place, admission)),
  });
}

function structuralObject({ name, help, fields, rules }: ObjectSchema, place: Place): JsonSchema {
  const again = place.seen.has(name);
  place.seen.add(name);
  const properties: Record<string, JsonSchema> = {};
  for (const [key, field] of Object.entries(fields)) {
    if (field.only === "guard" && !place.isGuard) continue;
    const described = structural(withDefault(field), place);
    properties[key] = again ? withoutDescriptions(described) : described;
  }
  const needed = Object.keys(fields).filter((key) => fields[key]?.presence === "required");
  const here = place.shapeOnly ? rules.filter((rule) => rule.holds) : rules;
  return clean({
    description: again ? undefined : help,
    type: "object",
    required: needed.length > 0 ? needed : undefined,
    properties,
    "x-kubernetes-validations": here.length > 0 ? validations(here) : undefined,
  });
}

/** Stated in the description; not as a default, see above. */
function withDefault(field: Field): Schema {
  const { schema } = field;
  if (field.presence !== "default" || field.value === false || field.value === "") return schema;
  return { ...schema, help: `${schema.help} Default: ${String(field.value)}.` };
}

/** Rules in the API server's form: the problem, what to write instead, and the field. */
export const validations = (rules: readonly (Rule | AdmissionRule)[]): readonly JsonSchema[] =>
  rules.map(({ cel, message, hint, at }) =>
    clean({ rule: cel, message: `${message}. ${hint}`, fieldPath: at && `.${at}` }),
  );

function withoutDescriptions({ description: _, ...schema }: JsonSchema): JsonSchema {
  const { items } = schema;
  return isSchema(items) ? { ...schema, items: withoutDescriptions(items) } : schema;
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null;
