// SPDX-License-Identifier: Apache-2.0
import type { Schema } from "@gander/crd-schemas";

/** `OBJECT.FIELD`, and `OBJECT.FIELD=VALUE` where a field has a list of values. */
export type Word = string;

/** All that a schema allows and that is implemented. */
export function wordsOf(schema: Schema): ReadonlySet<Word> {
  const words = new Set<Word>();
  const seen = new Set<Schema>();
  const visit = (one: Schema, path: Word): void => {
    if (one.kind === "text")
      for (const value of one.values ?? [])
        if (!one.refusedValues?.includes(value)) words.add(`${path}=${value}`);
    if (one.kind === "list") visit(one.items, path);
    if (one.kind === "map") visit(one.values, path);
    if (one.kind !== "object" || seen.has(one)) return;
    seen.add(one);
    for (const [name, { schema: field, refused }] of Object.entries(one.fields)) {
      if (refused) continue;
      words.add(`${one.name}.${name}`);
      visit(field, `${one.name}.${name}`);
    }
  };
  visit(schema, "");
  return words;
}

/** Those that a value uses. */
export function addWordsIn(value: unknown, schema: Schema, words: Set<Word>, path = ""): void {
  if (schema.kind === "text" && schema.values !== undefined) words.add(`${path}=${String(value)}`);
  if (schema.kind === "list" && Array.isArray(value))
    for (const one of value) addWordsIn(one, schema.items, words, path);
  if (typeof value !== "object" || value === null) return;
  if (schema.kind === "map")
    for (const one of Object.values(value)) addWordsIn(one, schema.values, words, path);
  if (schema.kind !== "object") return;
  for (const [name, { schema: field }] of Object.entries(schema.fields)) {
    const one = (value as Readonly<Record<string, unknown>>)[name];
    if (one === undefined) continue;
    words.add(`${schema.name}.${name}`);
    addWordsIn(one, field, words, `${schema.name}.${name}`);
  }
}
