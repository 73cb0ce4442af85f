// SPDX-License-Identifier: Apache-2.0
import { reflection } from "@gander/proto";
import { Environment } from "@marcbachmann/cel-js";
import { CelMessage, type CelValue, celTypeOf } from "./cel-value.ts";

export type CelSchema = {
  /** Parses expressions and checks their types; never evaluates them. */
  readonly environment: Environment;
  /** The value of a name, such as `process_exec`, in an event as a plain message; undefined if unknown. */
  valueOf(name: string): ((event: Readonly<Record<string, unknown>>) => CelValue) | undefined;
};

let schema: CelSchema | undefined;

/** The names in expressions: the kinds of event, with all their fields, and enums. Made on first use. */
export function celSchema(): CelSchema {
  schema ??= createSchema();
  return schema;
}

type ReflectedType = CelMessage["type"];

/** A larger expression was not written by a person. */
const limits = {
  maxAstNodes: 1_000,
  maxDepth: 64,
  maxListElements: 256,
  maxMapEntries: 256,
  maxCallArguments: 8,
};

function createSchema(): CelSchema {
  const environment = new Environment({ limits });
  const events = new Map<string, ReflectedType>();
  const enums = new Map<string, ReadonlyMap<CelValue, CelValue>>();
  const known = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration"]);

  const register = (type: ReflectedType): void => {
    const name = type.fullName.slice(1);
    if (known.has(name)) return;
    known.add(name);
    for (const { resolvedType } of type.fieldsArray) {
      if (resolvedType === null) continue;
      if ("values" in resolvedType) registerEnum(resolvedType.name, resolvedType.values);
      else if (!/^\.google\.protobuf\..*Value$/.test(resolvedType.fullName)) register(resolvedType);
    }
    const fields = type.fieldsArray.map((field) => [field.name, celTypeOf(field)]);
    environment.registerType(name, { fields: Object.fromEntries(fields) });
  };
  const registerEnum = (name: string, values: Readonly<Record<string, number>>): void => {
    if (enums.has(name)) return;
    enums.set(name, new Map(Object.entries(values).map(([key, value]) => [key, BigInt(value)])));
    const fields = Object.fromEntries(Object.keys(values).map((key) => [key, "int"]));
    environment.registerType(`enum.${name}`, { fields });
    environment.registerVariable(name, `enum.${name}`);
  };

  const { fields, oneofs } = reflection().lookupType("tetragon.GetEventsResponse");
  for (const kind of oneofs?.event?.oneof ?? []) {
    const type = fields[kind]?.resolvedType;
    if (type === null || type === undefined || !("fields" in type)) continue;
    register(type);
    environment.registerVariable(kind, type.fullName.slice(1));
    events.set(kind, type);
  }
  return {
    environment,
    valueOf(name) {
      const type = events.get(name);
      if (type !== undefined) return (event) => new CelMessage(type, event[name]);
      const values = enums.get(name);
      return values && (() => values);
    },
  };
}
