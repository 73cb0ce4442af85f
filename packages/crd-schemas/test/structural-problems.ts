// SPDX-License-Identifier: Apache-2.0

type Json = Readonly<Record<string, unknown>>;

/** What a structural schema may hold besides, by type. */
const keywords: Readonly<Record<string, readonly string[]>> = {
  string: ["enum", "format", "pattern", "minLength", "maxLength"],
  integer: ["format", "minimum", "maximum"],
  boolean: [],
  array: ["items", "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"],
  object: ["properties", "required", "additionalProperties", "maxProperties"],
};

const everywhere = ["type", "description", "default", "x-kubernetes-validations"];

/**
 * What the API server would refuse in a schema, and a little more: keywords that nothing here needs
 * count as wrong, too. Rules: "Specifying a structural schema" and "Defaulting" in Kubernetes'
 * documentation of custom resources.
 */
export function structuralProblems(schema: unknown, path = ""): readonly string[] {
  if (!isJson(schema)) return [`${path}: not a schema`];
  if (schema["x-kubernetes-preserve-unknown-fields"] === true)
    return anythingProblems(schema, path);
  const { type } = schema;
  const own = typeof type === "string" ? keywords[type] : undefined;
  if (!own) return [`${path}: type ${String(type)}`];
  return [
    ...Object.keys(schema)
      .filter((key) => !own.includes(key) && !everywhere.includes(key))
      .map((key) => `${path}: ${key} is not possible here`),
    ...childProblems(schema, path),
    ...defaultProblems(schema, path),
    ...listKeyProblems(schema, path),
    ...ruleProblems(schema, path),
  ];
}

const anythingProblems = (schema: Json, path: string): readonly string[] =>
  Object.keys(schema)
    .filter((key) => key !== "description" && key !== "x-kubernetes-preserve-unknown-fields")
    .map((key) => `${path}: ${key} beside preserved fields`);

function childProblems(schema: Json, path: string): readonly string[] {
  if (schema.type === "array") return structuralProblems(schema.items, `${path}[]`);
  const { properties, additionalProperties, required } = schema;
  const fields = isJson(properties) ? properties : {};
  if (properties !== undefined && additionalProperties !== undefined)
    return [`${path}: properties and additionalProperties exclude each other`];
  return [
    ...(Array.isArray(required) ? required : [])
      .filter((name) => !(String(name) in fields))
      .map((name) => `${path}: ${String(name)} is required, but not described`),
    ...(additionalProperties === undefined
      ? []
      : structuralProblems(additionalProperties, `${path}{}`)),
    // Only its type may be said of the metadata of the whole object.
    ...Object.entries(fields).flatMap(([name, field]) =>
      structuralProblems(field, `${path}.${name}`),
    ),
  ];
}

/** A default must be valid, and may not stand in metadata or for a field that is required. */
function defaultProblems(schema: Json, path: string): readonly string[] {
  if (!("default" in schema)) return [];
  if (/^\.(metadata|apiVersion|kind)/.test(path)) return [`${path}: a default in metadata`];
  return valueProblems(schema.default, schema, path);
}

function valueProblems(value: unknown, schema: Json, path: string): readonly string[] {
  const fits = isJson(value) ? schema.type === "object" : schema.type === typeName(value);
  if (!fits) return [`${path}: the default is no ${String(schema.type)}`];
  if (typeof schema.minimum === "number" && Number(value) < schema.minimum)
    return [`${path}: the default is below the minimum`];
  if (!isJson(value)) return [];
  const fields = isJson(schema.properties) ? schema.properties : {};
  const missing = (Array.isArray(schema.required) ? schema.required : []).filter(
    (name) => !(String(name) in value),
  );
  return [
    ...missing.map((name) => `${path}: the default lacks ${String(name)}`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const field = fields[name];
      return isJson(field)
        ? valueProblems(item, field, `${path}.${name}`)
        : [`${path}: the default has ${name}, which would be pruned`];
    }),
  ];
}

const typeName = (value: unknown): string =>
  Number.isInteger(value) ? "integer" : Array.isArray(value) ? "array" : typeof value;

/** Keys of a list must be there in every entry. */
function listKeyProblems(schema: Json, path: string): readonly string[] {
  const keys = schema["x-kubernetes-list-map-keys"];
  const isMap = schema["x-kubernetes-list-type"] === "map";
  if (!Array.isArray(keys)) return isMap ? [`${path}: a list of type map without keys`] : [];
  if (!isMap) return [`${path}: keys of a list that is none of type map`];
  const required = isJson(schema.items) ? schema.items.required : undefined;
  return keys
    .filter((key) => !Array.isArray(required) || !required.includes(key))
    .map((key) => `${path}: the key ${String(key)} is not required`);
}

const reserved =
  /self\.(true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|while)\b/;

function ruleProblems(schema: Json, path: string): readonly string[] {
  const rules = schema["x-kubernetes-validations"];
  const fields = isJson(schema.properties) ? schema.properties : {};
  return (Array.isArray(rules) ? rules : []).flatMap((rule: unknown) => {
    if (!isJson(rule)) return [`${path}: a rule that is none`];
    const { rule: cel, message, fieldPath } = rule;
    const at = `${path}: rule ${String(cel)}`;
    return [
      ...(reserved.test(String(cel)) ? [`${at}: a reserved word that is not escaped`] : []),
      ...(typeof message === "string" && /\S/.test(message) && !/[\r\n]/.test(message)
        ? []
        : [`${at}: needs a message of one line`]),
      ...(fieldPath === undefined || String(fieldPath).slice(1) in fields
        ? []
        : [`${at}: there is no field ${String(fieldPath)}`]),
    ];
  });
}

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
