// SPDX-License-Identifier: Apache-2.0
import { apiVersions, valueSetKind } from "@gander/crd-schemas";
import { quote } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Place, SourceDocument } from "../read/locate.ts";
import type { Scope } from "../scope.ts";
import { isObjectName, readValue } from "./set-reference.ts";

/** Values with a name. */
export type ValueSet = {
  readonly name: string;
  /** As written, without duplicates. */
  readonly values: readonly string[];
};

/** A ValueSet, and where its values are written. */
export type CheckedSet = ValueSet & {
  /** Empty: it was an object. */
  readonly file: string;
  readonly places: readonly Place[];
};

/** A document of this kind is checked here, whatever else is wrong with it. */
export const isValueSet = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Reflect.get(value, "kind") === valueSetKind;

/** Undefined if it has an error, which is reported to `scope`. */
export function checkValueSet(
  { value, locate }: SourceDocument,
  scope: Scope,
  file: string,
): CheckedSet | undefined {
  const name = checkHead(value as Fields, scope);
  const values = checkSpec((value as Fields).spec, scope.at("spec"));
  if (name === undefined || values === undefined) return undefined;
  const positions = new Map<string, number>();
  for (const [i, text] of values.entries()) if (!positions.has(text)) positions.set(text, i);
  return {
    name,
    values: [...positions.keys()],
    file,
    places: [...positions.values()].map((i) => locate.value(["spec", "values", i])),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function checkHead(document: Fields, scope: Scope): string | undefined {
  const version = apiVersions.GuardPolicy;
  const { metadata } = document;
  let isRight = hasOnly(document, ["apiVersion", "kind", "metadata", "spec", "status"], scope);
  if (document.apiVersion !== version) {
    scope
      .at("apiVersion")
      .error(
        "policy-unknown-value",
        `A ${valueSetKind} is of ${version}`,
        `Write \`apiVersion: ${version}\`.`,
      );
    isRight = false;
  }
  const name = isFields(metadata) ? metadata.name : undefined;
  if (typeof name === "string" && isObjectName(name)) return isRight ? name : undefined;
  scope
    .at("metadata", "name")
    .error(
      "policy-bad-name",
      typeof name === "string"
        ? `${quote(name)} cannot be the name of a ${valueSetKind}`
        : `The ${valueSetKind} has no name`,
      "Write `metadata:` with a `name:` of lower-case letters, digits, - and ., with a letter or digit at both ends.",
    );
  return undefined;
}

function checkSpec(spec: unknown, scope: Scope): readonly string[] | undefined {
  if (!isFields(spec) || !Array.isArray(spec.values) || spec.values.length === 0) {
    scope.error(
      "policy-missing-field",
      `The ${valueSetKind} has no values`,
      "Write `spec:` with a list `values:` of at least one.",
    );
    return undefined;
  }
  const isWhole = hasOnly(spec, ["values"], scope);
  const given: readonly unknown[] = spec.values;
  const place = scope.at("values");
  if (given.length > limits.setValues) {
    place.error(
      "policy-out-of-bounds",
      `The ${valueSetKind} has ${given.length} values; ${limits.setValues} are possible`,
      "Use ranges, prefixes or networks.",
    );
    return undefined;
  }
  const values = given.map((value, i) => readEntry(value, place.at(i)));
  const whole = values.filter((value) => value !== undefined);
  return isWhole && whole.length === given.length ? whole : undefined;
}

function readEntry(value: unknown, place: Scope): string | undefined {
  if (typeof value !== "string") {
    place.error(
      "policy-wrong-type",
      "A value is a text",
      `Put it in quotes: "${String(value).slice(0, 80)}".`,
    );
    return undefined;
  }
  if (value.length > limits.setValueCharacters || !value.isWellFormed()) {
    place.error(
      "policy-bad-value",
      value.isWellFormed()
        ? `The value has ${value.length} characters; ${limits.setValueCharacters} are possible`
        : `${quote(value)} has half of a character in it (a lone surrogate)`,
      "Shorten or correct it.",
    );
    return undefined;
  }
  const { text, set } = readValue(value);
  if (set !== undefined)
    place.error(
      "policy-bad-value",
      `${quote(value)} names a set, but a set has no other sets in it`,
      "Name both sets in the filter. A text that begins with `set:` is written as `set::…`.",
    );
  return text;
}

function hasOnly(fields: Fields, known: readonly string[], scope: Scope): boolean {
  const others = Object.keys(fields).filter((key) => !known.includes(key));
  for (const key of others)
    scope
      .at(key)
      .onKey.error(
        "policy-unknown-field",
        `There is no field ${quote(key)} here`,
        `Possible are ${known.join(", ")}.`,
      );
  return others.length === 0;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
