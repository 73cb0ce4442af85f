// SPDX-License-Identifier: Apache-2.0
import type { Schema } from "@gander/crd-schemas";
import type { Random } from "../../../siege/random.ts";

/** Names of fields and positions in lists, from the outermost on. */
type Path = readonly (string | number)[];

/** A policy that differs from a valid one in one place. */
export interface Mistake {
  readonly text: string;
  /** What is wrong with which place, for people. */
  readonly what: string;
  /** Offsets in the text, the end excluded: a problem in here is at the mistake. */
  readonly from: number;
  readonly to: number;
}

interface Change {
  readonly what: string;
  readonly path: Path;
  readonly change: (parent: Parent, key: string | number) => void;
  /** The place is what lacks something: the field is gone. */
  readonly isMissing?: true;
  /** The name that the field has after it. */
  readonly renamed?: string;
}

type Parent = { [key: string | number]: unknown };

/** Makes one mistake in a valid policy that the schema allows to see, wherever it is. */
export function randomMistake(policy: object, schema: Schema, random: Random): Mistake {
  const { what, path, change, isMissing, renamed } = random.pick(changesIn(policy, schema, []));
  const wrong = JSON.parse(JSON.stringify(policy));
  const key = path.at(-1) ?? "";
  let parent: unknown = wrong;
  for (const one of path.slice(0, -1)) parent = (parent as Parent)[one];
  change(parent as Parent, key);
  const { text, places } = write(wrong);
  const at = isMissing
    ? path.slice(0, -1)
    : [...path.slice(0, -1), ...(renamed === undefined ? [key] : [renamed])];
  const place = places.get(at.join("/")) ?? { from: 0, to: text.length };
  return { text, what: `${path.join(".")}: ${what}`, ...place };
}

const set =
  (value: unknown): Change["change"] =>
  (parent, key) => {
    parent[key] = value;
  };

function changesIn(value: unknown, schema: Schema, path: Path): readonly Change[] {
  const to = (what: string, wrong: unknown): Change => ({ what, path, change: set(wrong) });
  switch (schema.kind) {
    case "any":
      return [];
    case "boolean":
      return [to("a text for a flag", "perhaps"), to("a number for a flag", 2)];
    case "integer":
      return [to("a text for a number", "many"), to("too large a number", 2 ** 53)];
    case "text":
      return [
        to("a list for a text", ["x"]),
        ...(schema.values === undefined ? [] : [to("an unknown word", `${value}Z`)]),
      ];
    case "list":
      return [
        to("a mapping for a list", { x: 1 }),
        ...(value as readonly unknown[]).flatMap((one, i) =>
          changesIn(one, schema.items, [...path, i]),
        ),
      ];
    case "map":
      return [
        to("a text for a mapping", "x"),
        ...Object.entries(value as object).flatMap(([name, one]) =>
          changesIn(one, schema.values, [...path, name]),
        ),
      ];
    case "object":
      return [
        ...(path.length === 0 ? [] : [to("a text for a mapping", "x")]),
        ...Object.entries(value as object).flatMap(([name, one]) => {
          const field = schema.fields[name];
          if (field === undefined) throw new Error(`${path.join(".")} has no field ${name}`);
          return fieldChanges([...path, name], one, field);
        }),
      ];
  }
}

function fieldChanges(
  path: Path,
  value: unknown,
  { schema, presence }: { readonly schema: Schema; readonly presence: string },
): readonly Change[] {
  const renamed = `${path.at(-1)}zz`;
  const misspell: Change = {
    ...{ what: "a misspelt field", path, renamed },
    change(parent, key) {
      parent[renamed] = parent[key];
      delete parent[key];
    },
  };
  const remove: Change = {
    ...{ what: "a missing field", path, isMissing: true },
    change: (parent, key) => delete parent[key],
  };
  return [
    misspell,
    ...(presence === "required" ? [remove] : []),
    ...changesIn(value, schema, path),
  ];
}

interface Place {
  readonly from: number;
  readonly to: number;
}

/** JSON, with where each value is, its name included. */
function write(value: unknown) {
  const places = new Map<string, Place>();
  let text = "";
  const put = (one: unknown, path: Path, from: number): void => {
    const indent = `\n${" ".repeat(path.length + 1)}`;
    if (typeof one !== "object" || one === null) {
      text += JSON.stringify(one);
    } else {
      const [open, close] = Array.isArray(one) ? ["[", "]"] : ["{", "}"];
      text += open;
      for (const [i, [key, inner]] of Object.entries(one).entries()) {
        text += `${i === 0 ? "" : ","}${indent}`;
        const start = text.length;
        if (!Array.isArray(one)) text += `${JSON.stringify(key)}: `;
        put(inner, [...path, key], start);
      }
      text += `${indent.slice(0, -1)}${close}`;
    }
    places.set(path.join("/"), { from, to: text.length });
  };
  put(value, [], 0);
  return { text, places };
}
