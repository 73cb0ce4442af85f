// SPDX-License-Identifier: Apache-2.0
import protobuf from "protobufjs";

const scalars: Readonly<Record<string, string>> = {
  bool: "boolean",
  bytes: "Uint8Array",
  string: "string",
  double: "number",
  float: "number",
  int32: "number",
  uint32: "number",
  sint32: "number",
  fixed32: "number",
  sfixed32: "number",
  // 64 bits don't fit into a number; JSON also uses decimal text.
  int64: "string",
  uint64: "string",
  sint64: "string",
  fixed64: "string",
  sfixed64: "string",
};

/** One TypeScript type per message and enum, in the form that `codec` accepts and returns. */
export function renderMessageTypes(root: protobuf.Root): string {
  const types: protobuf.Type[] = [];
  const enums: protobuf.Enum[] = [];
  collect(root, types, enums);
  return [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Generated from proto/ by scripts/generate.ts; do not edit.",
    "",
    ...enums.map(renderEnum),
    ...types.map(renderType),
    "/** Full name of each message to its type. */",
    "export type Messages = {",
    ...types.map((type) => `  "${fullName(type)}": ${typeName(type)};`),
    "};",
    "",
  ].join("\n");
}

function collect(space: protobuf.NamespaceBase, types: protobuf.Type[], enums: protobuf.Enum[]) {
  for (const item of space.nestedArray) {
    if (item instanceof protobuf.Enum) enums.push(item);
    else if (item instanceof protobuf.Type) types.push(item);
    if (item instanceof protobuf.Namespace) collect(item, types, enums);
  }
}

function renderEnum(item: protobuf.Enum): string {
  const entries = Object.entries(item.values).sort(([, a], [, b]) => a - b);
  const name = typeName(item);
  return [
    `export type ${name} = ${entries.map(([key]) => JSON.stringify(key)).join(" | ")};`,
    `export const ${name} = {`,
    ...entries.map(([key, value]) => `  ${key}: ${value},`),
    "} as const;",
    "",
  ].join("\n");
}

function renderType(type: protobuf.Type): string {
  const fields = type.fieldsArray.map((field) => {
    const key = /^[a-z_]\w*$/i.test(field.name) ? field.name : JSON.stringify(field.name);
    return `  readonly ${key}?: ${fieldType(field.resolve())} | undefined;`;
  });
  return [`export type ${typeName(type)} = {`, ...fields, "};", ""].join("\n");
}

function fieldType(field: protobuf.Field): string {
  const one =
    field.resolvedType === null ? (scalars[field.type] ?? "unknown") : typeName(field.resolvedType);
  if (field.map) return `Readonly<Record<string, ${one}>>`;
  return field.repeated ? `readonly ${one}[]` : one;
}

const fullName = (item: protobuf.ReflectionObject) => item.fullName.slice(1);

/** `tetragon.GetInfoResponse.Probe` -> `GetInfoResponseProbe`: only packages are left out. */
function typeName(item: protobuf.ReflectionObject): string {
  const parent = item.parent;
  return parent instanceof protobuf.Type ? typeName(parent) + item.name : item.name;
}
