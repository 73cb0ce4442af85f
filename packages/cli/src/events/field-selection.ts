// SPDX-License-Identifier: Apache-2.0
import { type EventJson, eventKind, isRecord } from "./event-json.ts";

type Fields = { readonly [name: string]: unknown };

/**
 * Keeps only `include`d fields of an event's body, then leaves out `exclude`d ones; a field is a path
 * such as `process.binary`. Node name, time and the event's kind always stay.
 */
export function selectFields(
  event: EventJson,
  include: readonly string[],
  exclude: readonly string[],
): EventJson {
  const kind = eventKind(event);
  if (kind === undefined || (include.length === 0 && exclude.length === 0)) return event;
  let body = (event as Fields)[kind] as Fields;
  if (include.length > 0) body = pick(body, include.map(segments));
  body = exclude.map(segments).reduce(omit, body);
  return { ...event, [kind]: body };
}

function segments(path: string): readonly string[] {
  return path.split(".");
}

function pick(value: Fields, paths: readonly (readonly string[])[]): Fields {
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const below = paths.filter(([first]) => first === name).map(([, ...rest]) => rest);
    if (below.length === 0) continue;
    const whole = below.some((rest) => rest.length === 0) || !isRecord(inner);
    kept[name] = whole ? inner : pick(inner, below);
  }
  return kept;
}

function omit(value: Fields, [first, ...rest]: readonly string[]): Fields {
  if (first === undefined || !(first in value)) return value;
  const { [first]: inner, ...others } = value;
  if (rest.length === 0) return others;
  return isRecord(inner) ? { ...others, [first]: omit(inner, rest) } : value;
}
