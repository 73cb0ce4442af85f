// SPDX-License-Identifier: Apache-2.0
import protobuf from "protobufjs/light.js";
import { reflection } from "./codec.ts";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "./json-time.ts";
import type { Messages } from "./messages.gen.ts";

/**
 * The JSON form of a message (https://protobuf.dev/programming-guides/json/) with the names of the
 * `.proto` files, fields in order of declaration, and defaults omitted.
 */
export function toProtoJson<N extends keyof Messages>(name: N, message: Messages[N]): JsonObject {
  return messageToJson(reflection().lookupType(name), message) as JsonObject;
}

export type JsonObject = { [key: string]: unknown };

/** The error in a JSON value, and its place, e.g. `event_set[1]`. */
export class ProtoJsonError extends Error {
  override readonly name = "ProtoJsonError";
  readonly path: string;
  constructor(path: string, message: string) {
    super(path === "" ? message : `${path}: ${message}`);
    this.path = path;
  }
}

/**
 * Reads the JSON form of a message; names as in the `.proto` files or in lowerCamelCase. Throws
 * ProtoJsonError for an unknown field or an invalid value.
 */
export function fromProtoJson<N extends keyof Messages>(name: N, value: unknown): Messages[N] {
  return messageFromJson(reflection().lookupType(name), value, "") as Messages[N];
}

type WellKnown = {
  toJson(message: JsonObject): unknown;
  fromJson(value: unknown, path: string): JsonObject;
};

const wrapper = (type: string): WellKnown => ({
  toJson: (message) => scalarToJson(type, message.value ?? defaultOf(type)),
  fromJson: (value, path) => ({ value: scalarFromJson(type, value, path) }),
});

const wellKnown: Readonly<Record<string, WellKnown>> = {
  ".google.protobuf.BoolValue": wrapper("bool"),
  ".google.protobuf.BytesValue": wrapper("bytes"),
  ".google.protobuf.Int32Value": wrapper("int32"),
  ".google.protobuf.Int64Value": wrapper("int64"),
  ".google.protobuf.StringValue": wrapper("string"),
  ".google.protobuf.UInt32Value": wrapper("uint32"),
  ".google.protobuf.UInt64Value": wrapper("uint64"),
  ".google.protobuf.Timestamp": {
    toJson: ({ seconds, nanos }) => formatTimestamp(Number(seconds ?? 0), Number(nanos ?? 0)),
    fromJson: (value, path) =>
      parseTimestamp(String(value)) ?? fail(path, `"${value}" is not a time as in RFC 3339`),
  },
  ".google.protobuf.Duration": {
    toJson: ({ seconds, nanos }) => formatDuration(Number(seconds ?? 0), Number(nanos ?? 0)),
    fromJson: (value, path) =>
      parseDuration(String(value)) ?? fail(path, `"${value}" is not a duration such as "1.5s"`),
  },
  // Existing field masks contain names of the .proto files, which plain protobuf JSON forbids.
  ".google.protobuf.FieldMask": {
    toJson: ({ paths }) => (Array.isArray(paths) ? paths.join(",") : ""),
    fromJson: (value, path) => ({
      paths: text(value, path)
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map(snakeCase),
    }),
  },
};

function messageToJson(type: protobuf.Type, message: object): unknown {
  const values = message as JsonObject;
  const special = wellKnown[type.fullName];
  if (special !== undefined) return special.toJson(values);
  const json: JsonObject = {};
  for (const field of type.fieldsArray) {
    const value = values[field.name];
    if (value === undefined || value === null) continue;
    const one = (item: unknown) => valueToJson(field, item);
    if (field.map) {
      const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
      if (entries.length > 0)
        json[field.name] = Object.fromEntries(entries.map(([key, item]) => [key, one(item)]));
    } else if (field.repeated) {
      const items = value as readonly unknown[];
      if (items.length > 0) json[field.name] = items.map(one);
    } else if (field.partOf !== null || !isDefault(field, value)) json[field.name] = one(value);
  }
  return json;
}

function valueToJson(field: protobuf.Field, value: unknown): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Enum)
    return typeof value === "number" ? (resolvedType.valuesById[value] ?? value) : value;
  if (resolvedType instanceof protobuf.Type) return messageToJson(resolvedType, value as object);
  return scalarToJson(field.type, value);
}

function scalarToJson(type: string, value: unknown): unknown {
  if (type === "bytes") return Buffer.from(value as Uint8Array).toString("base64");
  return is64(type) ? String(value) : value;
}

function isDefault(field: protobuf.Field, value: unknown): boolean {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Enum)
    return value === 0 || value === resolvedType.valuesById[0];
  if (resolvedType !== null) return false;
  if (field.type === "bytes") return (value as Uint8Array).length === 0;
  return (
    value === "" || value === false || value === 0 || (is64(field.type) && Number(value) === 0)
  );
}

function messageFromJson(type: protobuf.Type, value: unknown, path: string): JsonObject {
  const special = wellKnown[type.fullName];
  if (special !== undefined) return special.fromJson(value, path);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return fail(path, `a ${type.name} must be an object {…}`);
  const message: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === null) continue;
    const at = path === "" ? key : `${path}.${key}`;
    const field = type.fields[key] ?? type.fields[snakeCase(key)];
    if (field === undefined)
      return fail(
        at,
        `${type.name} has no such field; it has ${Object.keys(type.fields).join(", ")}`,
      );
    message[field.name] = fieldFromJson(field, item, at);
  }
  return message;
}

function fieldFromJson(field: protobuf.Field, value: unknown, path: string): unknown {
  if (field.map) {
    if (typeof value !== "object" || value === null) return fail(path, "must be an object {…}");
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, valueFromJson(field, item, `${path}.${key}`)]),
    );
  }
  if (!field.repeated) return valueFromJson(field, value, path);
  if (!Array.isArray(value)) return fail(path, "must be a list […]");
  return value.map((item, index) => valueFromJson(field, item, `${path}[${index}]`));
}

function valueFromJson(field: protobuf.Field, value: unknown, path: string): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) return messageFromJson(resolvedType, value, path);
  if (!(resolvedType instanceof protobuf.Enum)) return scalarFromJson(field.type, value, path);
  if (typeof value === "string" && Object.hasOwn(resolvedType.values, value)) return value;
  if (typeof value === "number" && resolvedType.valuesById[value] !== undefined)
    return resolvedType.valuesById[value];
  const names = Object.keys(resolvedType.values).join(", ");
  return fail(path, `${JSON.stringify(value)} is none of ${names}`);
}

const bounds: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

function scalarFromJson(type: string, value: unknown, path: string): unknown {
  if (type === "string") return text(value, path);
  if (type === "bytes") return new Uint8Array(Buffer.from(text(value, path), "base64"));
  if (type === "bool")
    return typeof value === "boolean" ? value : fail(path, "must be true or false");
  const [low, high] = bounds[type] ?? fail(path, `type ${type} is not in use`);
  const written = typeof value === "number" || typeof value === "string" ? String(value) : "";
  if (!/^-?\d{1,20}$/.test(written)) return fail(path, "must be a whole number");
  const number = BigInt(written);
  if (number < low || number > high) return fail(path, `must be in ${low} … ${high}`);
  return is64(type) ? number.toString() : Number(number);
}

function text(value: unknown, path: string): string {
  return typeof value === "string" ? value : fail(path, "must be a text in quotes");
}

function defaultOf(type: string): unknown {
  if (type === "string") return "";
  if (type === "bytes") return new Uint8Array();
  return type === "bool" ? false : 0;
}

const is64 = (type: string) => type.endsWith("64");

const snakeCase = (name: string) =>
  name.replace(/[A-Z]/g, (letter, at: number) => (at === 0 ? letter : `_${letter.toLowerCase()}`));

function fail(path: string, message: string): never {
  throw new ProtoJsonError(path, message);
}
