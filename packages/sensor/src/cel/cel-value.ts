// SPDX-License-Identifier: Apache-2.0
import type { reflection } from "@gander/proto";

type ReflectedType = ReturnType<ReturnType<typeof reflection>["lookupType"]>;
type ReflectedField = ReflectedType["fieldsArray"][number];

/** A message of the event interface; an unset one has the defaults of all its fields. */
export class CelMessage {
  readonly type: ReflectedType;
  readonly content: Readonly<Record<string, unknown>> | undefined;
  constructor(type: ReflectedType, content: unknown) {
    this.type = type;
    this.content = content as Readonly<Record<string, unknown>> | undefined;
  }
}

/** A point in time since the epoch, or a duration, in nanoseconds. */
export class CelTime {
  readonly kind: "timestamp" | "duration";
  readonly ns: bigint;
  constructor(kind: "timestamp" | "duration", ns: bigint) {
    this.kind = kind;
    this.ns = ns;
  }
}

/** A value in an expression. Integers, signed or not, are bigint; number is a double. */
export type CelValue =
  | null
  | boolean
  | string
  | bigint
  | number
  | Uint8Array
  | CelTime
  | CelMessage
  | readonly CelValue[]
  | CelMap;

type CelMap = ReadonlyMap<CelValue, CelValue>;

/** Why an expression has no value for an event, such as an index outside its list. */
export class CelError extends Error {
  override readonly name = "CelError";
}

/** A field of a message as a value; an unset one has its default, which is null for wrapped scalars. */
export function fieldValue(message: CelMessage, name: string): CelValue {
  const field = message.type.fields[name];
  if (field === undefined) throw new CelError(`no such field: ${name}`);
  const raw = message.content?.[name];
  if (field.map) {
    const entries = Object.entries((raw ?? {}) as Readonly<Record<string, unknown>>);
    return new Map(entries.map(([key, item]) => [key, single(field, item)]));
  }
  if (field.repeated) return ((raw ?? []) as readonly unknown[]).map((item) => single(field, item));
  return single(field, raw);
}

/** Whether a field is set, as in `has(…)`. */
export function isFieldSet(message: CelMessage, name: string): boolean {
  const raw = message.content?.[name];
  if (raw === undefined || raw === null) return false;
  return typeof raw !== "object" || Object.keys(raw).length > 0 || !isCollection(message, name);
}

function isCollection({ type }: CelMessage, name: string): boolean {
  const field = type.fields[name];
  return field !== undefined && (field.repeated || field.map);
}

function single(field: ReflectedField, raw: unknown): CelValue {
  const { resolvedType } = field;
  if (resolvedType === null) return scalar(field.type, raw);
  if ("values" in resolvedType)
    return BigInt(typeof raw === "string" ? (resolvedType.values[raw] ?? 0) : Number(raw ?? 0));
  const special = wellKnown[resolvedType.fullName];
  return special === undefined ? new CelMessage(resolvedType, raw) : special(raw);
}

type Parts = { readonly value?: unknown; readonly seconds?: unknown; readonly nanos?: unknown };

const wrapped = (type: string) => (raw: unknown) =>
  raw === undefined ? null : scalar(type, (raw as Parts).value);

const time = (kind: CelTime["kind"]) => (raw: unknown) => {
  const { seconds = 0, nanos = 0 } = (raw ?? {}) as Parts;
  return new CelTime(kind, BigInt(String(seconds)) * 1_000_000_000n + BigInt(String(nanos)));
};

const wellKnown: Readonly<Record<string, (raw: unknown) => CelValue>> = {
  ".google.protobuf.BoolValue": wrapped("bool"),
  ".google.protobuf.Int32Value": wrapped("int32"),
  ".google.protobuf.UInt32Value": wrapped("uint32"),
  ".google.protobuf.Timestamp": time("timestamp"),
  ".google.protobuf.Duration": time("duration"),
};

function scalar(type: string, raw: unknown): CelValue {
  switch (type) {
    case "string":
      return typeof raw === "string" ? raw : "";
    case "bool":
      return raw === true;
    case "bytes":
      return raw instanceof Uint8Array ? raw : new Uint8Array();
    default:
      return BigInt(String(raw ?? 0));
  }
}

/** The type of a field for checking expressions, e.g. `list<tetragon.Process>`. */
export function celTypeOf(field: ReflectedField): string {
  const one = celTypeOfOne(field);
  if (field.map) return `map<string, ${one}>`;
  return field.repeated ? `list<${one}>` : one;
}

function celTypeOfOne({ resolvedType, type }: ReflectedField): string {
  if (resolvedType === null) {
    if (type === "string" || type === "bool" || type === "bytes") return type;
    // Unsigned: allows `pid == 1` as well as `pid == 1u`.
    return type.startsWith("u") ? "dyn" : "int";
  }
  if ("values" in resolvedType) return "int";
  const name = resolvedType.fullName.slice(1);
  return name.startsWith("google.protobuf.") && name.endsWith("Value") ? "dyn" : name;
}
