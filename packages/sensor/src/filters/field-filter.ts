// SPDX-License-Identifier: Apache-2.0
import {
  EventType,
  eventKindRows,
  type FieldFilter,
  type GetEventsResponse,
  isNotice,
  reflection,
} from "@gander/proto";
import type { FilterProblem } from "./filter.ts";

/** Removes fields from an event; those around the event (node, time) stay. */
export type FieldView = (message: GetEventsResponse) => GetEventsResponse;

type CompiledFieldFilters =
  | { readonly value: FieldView | undefined; readonly problems?: never }
  | { readonly value?: never; readonly problems: readonly FilterProblem[] };

/** The names of the kinds of events, as fields of GetEventsResponse. */
const kinds = Object.entries(EventType)
  .map(([name]) => name.toLowerCase())
  .filter((name) => name !== "undef");

const noticeKinds: ReadonlySet<string> = new Set(
  eventKindRows.flatMap(({ number, name }) => (isNotice(number) ? name : [])),
);

type Paths = { [field: string]: Paths | true };

/**
 * Compiles field filters. They are applied one after the other, excluding ones last; each applies to the
 * kinds of events it names (all others if `invert_event_set`), or to all if it names none. Without filters,
 * returns undefined.
 */
export function compileFieldFilters(filters: readonly FieldFilter[]): CompiledFieldFilters {
  const problems: FilterProblem[] = [];
  const compiled = filters.map((filter, index) => {
    // A kind from a newer version is a number.
    const named = (filter.event_set ?? []).map((name) => String(name).toLowerCase());
    const unknown = named.find((name) => !kinds.includes(name));
    if (unknown !== undefined)
      problems.push({ path: `[${index}].event_set`, message: `there is no kind "${unknown}"` });
    const inverted = filter.invert_event_set?.value === true;
    const applies = kinds.filter((kind) => named.length === 0 || named.includes(kind) !== inverted);
    const paths = filter.fields?.paths ?? [];
    if (paths.length === 0)
      problems.push({ path: `[${index}].fields`, message: "names no field, such as process.pid" });
    for (const path of paths)
      if (!applies.some((kind) => exists(kind, path)))
        problems.push({
          path: `[${index}].fields`,
          message: `these events have no field "${path}"`,
        });
    const exclude = filter.action === "EXCLUDE";
    return { applies: new Set(applies), tree: pathTree(paths), exclude };
  });
  if (problems.length > 0) return { problems };
  if (compiled.length === 0) return { value: undefined };
  const ordered = [
    ...compiled.filter(({ exclude }) => !exclude),
    ...compiled.filter(({ exclude }) => exclude),
  ];
  return {
    value(message) {
      const kind = kinds.find((name) => Object.hasOwn(message, name));
      if (kind === undefined || noticeKinds.has(kind)) return message;
      const key = kind as keyof GetEventsResponse;
      let body = message[key] as object;
      for (const { applies, tree, exclude } of ordered)
        if (applies.has(kind)) body = exclude ? without(body, tree) : only(body, tree);
      return { ...message, [key]: body };
    },
  };
}

function exists(kind: string, path: string): boolean {
  let type = reflection().lookupType("tetragon.GetEventsResponse").fields[kind]?.resolvedType;
  const parts = path.split(".");
  return parts.every((part, index) => {
    if (type === null || type === undefined || !("fields" in type)) return false;
    const field = type.fields[part];
    type = field?.resolvedType;
    return field !== undefined && (index === parts.length - 1 || !field.map);
  });
}

function pathTree(paths: readonly string[]): Paths {
  const root: Paths = {};
  for (const path of paths) {
    let at = root;
    const parts = path.split(".");
    parts.forEach((part, index) => {
      if (index === parts.length - 1) at[part] = true;
      else {
        const next = at[part];
        // A longer path below one that is included completely adds nothing.
        if (next === true) return;
        const below = next ?? {};
        at[part] = below;
        at = below;
      }
    });
  }
  return root;
}

function only(value: object, paths: Paths): object {
  if (Array.isArray(value)) return value.map((item) => only(item, paths));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const below = Object.hasOwn(paths, key) ? paths[key] : undefined;
      if (below === undefined) return [];
      return [[key, below === true || !isObject(item) ? item : only(item, below)]];
    }),
  );
}

function without(value: object, paths: Paths): object {
  if (Array.isArray(value)) return value.map((item) => without(item, paths));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const below = Object.hasOwn(paths, key) ? paths[key] : undefined;
      if (below === true) return [];
      return [[key, below === undefined || !isObject(item) ? item : without(item, below)]];
    }),
  );
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
