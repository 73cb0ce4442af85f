// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { Finding, Path, Schema } from "@gander/crd-schemas";
import {
  argOperatorsByName,
  isGuardKind,
  processProperties,
  processPropertyNames,
  propertyForms,
  publicValues,
  schemaAt,
  tracingPolicySchema,
} from "@gander/crd-schemas";
import type { Scope } from "./scope.ts";

/** Words used in documents and older versions of the language, and their replacements. */
const knownMistakes: Readonly<Record<string, string | readonly string[]>> = {
  returnMatchArgs: "matchReturnArgs",
  matchReturnArg: "matchReturnArgs",
  matchBinary: "matchBinaries",
  arguments: "args",
  function: ["call", "hook", "symbols"],
  symbol: ["call", "symbols", "hook"],
  call: ["hook", "calls"],
  hook: "call",
  idx: "index",
  position: "index",
  eq: "Equal",
  neq: "NotEqual",
  Equals: "Equal",
  EQ: "Equal",
  NE: "NotEqual",
  GTE: "GT",
  LTE: "LT",
  StartsWith: "Prefix",
  EndsWith: "Postfix",
  Suffix: "Postfix",
  Contains: "SubString",
  Kill: "Sigkill",
  Deny: "Override",
  Block: "Override",
  bool: "int",
  str: "string",
  char: "string",
  "unsigned long": "ulong",
};

/** Former names in the language, of values and of fields. */
const removed: Readonly<Record<string, string>> = {
  FollowFD:
    "It was removed from the language: an argument of type fd is resolved to its path without it.",
  UnfollowFD:
    "It was removed from the language: an argument of type fd is resolved to its path without it.",
  rawtracepoints: "Write the entries under tracepoints, each with `raw: true`.",
  CopyFD:
    "It was removed from the language: an argument of type fd is resolved to its path without it.",
};

/** Reports what the schema found, in words. `value` is the document, and `schema` that of its kind. */
export function reportFindings(
  findings: readonly Finding[],
  value: unknown,
  root: Scope,
  schema: Schema = tracingPolicySchema,
): void {
  const places = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = JSON.stringify(finding.path);
    const same = places.get(key);
    if (same) same.push(finding);
    else places.set(key, [finding]);
  }
  const mistakes = new Set(
    [...places.values()].flatMap((same) => withoutConsequences(same, schema)),
  );
  for (const finding of findings)
    if (mistakes.has(finding)) reportFinding(finding, { value, schema }, root);
}

/** Of the findings at one place, those that don't follow from another: a misspelt field is missing as well. */
function withoutConsequences(same: readonly Finding[], root: Schema): readonly Finding[] {
  const [first] = same;
  if (first === undefined || same.length === 1) return same;
  const schema = schemaAt(first.path, root);
  const meant = new Set<string | undefined>();
  let isOfWrongType = false;
  for (const finding of same) {
    if (finding.kind === "rule") continue;
    if (finding.keyword === "type") isOfWrongType = true;
    if (finding.keyword === "additionalProperties" && meant.size < maxMeant)
      meant.add(fieldMeant(String(finding.params.additionalProperty), schema));
  }
  meant.delete(undefined);
  return same.filter((finding) => {
    if (finding.kind === "rule") return meant.size === 0;
    if (finding.keyword === "required") return !meant.has(String(finding.params.missingProperty));
    return finding.keyword !== "enum" || !isOfWrongType;
  });
}

/** More fields than this are no misspelt ones. */
const maxMeant = 20;

/** The field of an object that a name without a meaning there probably stands for. */
export function fieldMeant(field: string, schema: Schema | undefined): string | undefined {
  const fields = schema?.kind === "object" ? Object.keys(schema.fields) : [];
  const mistakes = Object.hasOwn(knownMistakes, field) ? (knownMistakes[field] ?? []) : [];
  const known = [mistakes].flat().find((name) => fields.includes(name));
  return known ?? nearestName(field, fields);
}

type Checked = { readonly value: unknown; readonly schema: Schema };

function reportFinding(finding: Finding, { value, schema: whole }: Checked, root: Scope): void {
  const scope = root.at(...finding.path);
  if (finding.kind === "rule") {
    const { at, message, hint } = finding.rule;
    const place = at === undefined ? scope : scope.at(at).onKey;
    place.error("policy-rule", message, hint);
    return;
  }
  const { keyword, params, path } = finding;
  const schema = schemaAt(path, whole);
  const given = valueAt(value, path);
  if (keyword === "additionalProperties")
    unknownField(scope, String(params.additionalProperty), schema, valueAt(value, ["kind"]));
  else if (keyword === "required") missingField(scope, String(params.missingProperty), schema);
  else if (keyword === "enum") unknownValue(scope, given, schema, value);
  else if (keyword === "type") wrongType(scope, given, schema, value);
  else outOfBounds(scope, keyword, Number(params.limit), given, schema);
}

function outOfBounds(
  scope: Scope,
  keyword: string,
  limit: number,
  given: unknown,
  schema: Schema | undefined,
): void {
  const name = fieldName(scope.path);
  const help = schema?.help ?? "";
  const say = (message: string, hint: string) =>
    scope.error("policy-out-of-bounds", `${name} ${message}`, hint);
  if (keyword === "minimum") say(`is ${shown(given)}, below ${limit}`, help);
  else if (keyword === "maximum") say(`is ${shown(given)}, above ${limit}`, help);
  else if (keyword === "maxItems")
    say(`has more than ${limit} ${limit === 1 ? "entry" : "entries"}`, maxItemsHint(name));
  else if (keyword === "maxLength") say(`is longer than ${limit} characters`, "Shorten it.");
  else
    scope.error("policy-bad-value", `${name} is ${shown(given)}, which is not possible here`, help);
}

function unknownField(
  scope: Scope,
  field: string,
  schema: Schema | undefined,
  kind: unknown,
): void {
  const place = scope.at(field).onKey;
  const fields = Object.entries(schema?.kind === "object" ? schema.fields : {})
    .filter(([, { only }]) => only !== "guard" || isGuardKind(kind))
    .map(([name]) => name);
  const where = schema?.kind === "object" ? ` in ${describePlace(scope.path, schema.name)}` : "";
  const near = fieldMeant(field, schema);
  const homes = Object.hasOwn(homesOfFields, field) ? homesOfFields[field] : undefined;
  const gone = Object.hasOwn(removed, field) ? removed[field] : undefined;
  let hint = `Possible here: ${fields.join(", ")}.`;
  if (gone !== undefined) hint = gone;
  else if (near !== undefined) hint = `Did you mean "${near}"?`;
  else if (homes) hint = homesHint(homes, schema);
  place.error("policy-unknown-field", `There is no field "${field.slice(0, 80)}"${where}`, hint);
}

function homesHint(homes: readonly string[], schema: Schema | undefined): string {
  const isHook = (name: string) => hookObjects.includes(name);
  if (schema?.kind !== "object" || !isHook(schema.name) || !homes.every(isHook))
    return `It belongs to ${homes.map(describeObject).join(" or ")}: check the indentation.`;
  // Of entries of the same kind, others have it.
  const of = homes.map((name) => describeObject(name).replace("an entry of ", ""));
  const sameHook = homes.includes("KProbeSpec") && schema.name === "LsmHookSpec";
  return `Only entries of ${of.join(" and ")} have it.${sameHook ? " The kprobe of an lsm hook is `call: security_…` with `syscall: false`." : ""}`;
}

const hookObjects = ["KProbeSpec", "TracepointSpec", "LsmHookSpec", "UProbeSpec", "UsdtSpec"];

const objectNames: Readonly<Record<string, string>> = {
  TracingPolicy: "a policy",
  TracingPolicySpec: "spec",
  KProbeSpec: "an entry of kprobes",
  TracepointSpec: "an entry of tracepoints",
  LsmHookSpec: "an entry of lsmhooks",
  UProbeSpec: "an entry of uprobes",
  UsdtSpec: "an entry of usdts",
  KProbeArg: "an entry of args",
  KProbeSelector: "a selector",
  ArgSelector: "an entry of matchArgs",
  ActionSelector: "an entry of matchActions",
  BinarySelector: "an entry of matchBinaries",
  PIDSelector: "an entry of matchPIDs",
  NamespaceSelector: "an entry of matchNamespaces",
  CapabilitiesSelector: "an entry of matchCapabilities",
  OptionSpec: "an entry of options",
  ObjectMeta: "metadata",
};

/** In the words of the policy, not by the name of its type: `an entry of matchData`. */
function describePlace(path: Path, name: string): string {
  if (path.length === 0 || name === "KProbeSelector") return describeObject(name);
  return fieldName(path).replace(/^An entry/, "an entry");
}

const describeObject = (name: string): string => objectNames[name] ?? name;

/** Field → the objects that have it, among those that a person may have meant. */
const homesOfFields: Readonly<Record<string, readonly string[]>> = collectHomes(
  tracingPolicySchema,
  {},
  new Set(),
);

function collectHomes(
  schema: Schema,
  homes: Record<string, string[]>,
  seen: Set<string>,
): Record<string, string[]> {
  if (schema.kind === "list") return collectHomes(schema.items, homes, seen);
  if (schema.kind === "map") return collectHomes(schema.values, homes, seen);
  if (schema.kind !== "object" || seen.has(schema.name)) return homes;
  seen.add(schema.name);
  for (const [name, field] of Object.entries(schema.fields)) {
    if (schema.name in objectNames) homes[name] = [...(homes[name] ?? []), schema.name];
    collectHomes(field.schema, homes, seen);
  }
  return homes;
}

function missingField(scope: Scope, field: string, schema: Schema | undefined): void {
  const where = schema?.kind === "object" ? ` in ${describePlace(scope.path, schema.name)}` : "";
  const missing = schema?.kind === "object" ? schema.fields[field]?.schema : undefined;
  const values =
    missing?.kind === "text" && missing.values ? ` Possible: ${missing.values.join(", ")}.` : "";
  scope.error(
    "policy-missing-field",
    `The field "${field}" is missing${where}`,
    `Add \`${field}:\` ${missing ? lowerFirst(missing.help) : ""}${values}`,
  );
}

const lowerFirst = (text: string): string =>
  `(${text.slice(0, 1).toLowerCase()}${text.slice(1).replace(/\.$/, "")}).`;

function unknownValue(
  scope: Scope,
  given: unknown,
  schema: Schema | undefined,
  document: unknown,
): void {
  const values = possibleValues(scope.path, schema, document);
  const word = String(given);
  const mistakes = Object.hasOwn(knownMistakes, word) ? (knownMistakes[word] ?? []) : [];
  const near = [mistakes].flat().find((name) => values.includes(name)) ?? nearestName(word, values);
  const gone = Object.hasOwn(removed, word) ? removed[word] : undefined;
  const possible = withoutOpposite(word, values) ?? `Possible: ${values.join(", ")}.`;
  scope.error(
    "policy-unknown-value",
    `${fieldName(scope.path)} cannot be ${shown(given)}`,
    gone ?? (near === undefined ? possible : `Did you mean "${near}"?`),
  );
}

/** Not all values fit every kind of policy, nor all operators every property of a process. */
function possibleValues(
  path: Path,
  schema: Schema | undefined,
  document: unknown,
): readonly string[] {
  if (schema?.kind !== "text") return [];
  const values =
    (isGuardKind(valueAt(document, ["kind"])) ? schema.values : publicValues(schema)) ?? [];
  if (path.at(-1) !== "operator" || path.at(-3) !== "matchProcess") return values;
  const property = valueAt(document, [...path.slice(0, -1), "property"]);
  const known = processPropertyNames.find((name) => name === property);
  const isOrdered = known === undefined || propertyForms[processProperties[known].form].ordered;
  return isOrdered ? values : values.filter((value) => value !== "LT" && value !== "GT");
}

/** `NotX` of an operator X. */
function withoutOpposite(word: string, values: readonly string[]): string | undefined {
  const rest = /^not_?(\w+)$/i.exec(word)?.[1] ?? "";
  const mistakes = Object.hasOwn(knownMistakes, rest) ? (knownMistakes[rest] ?? rest) : rest;
  const known = [mistakes].flat().map((name) => name.toLowerCase());
  const operators = values.filter((value) => argOperatorsByName.has(value));
  const operator =
    operators.find((value) => known.includes(value.toLowerCase())) ??
    (rest === "" ? undefined : nearestName(rest, operators));
  if (operator === undefined) return undefined;
  if (values.includes(`Not${operator}`)) return `Did you mean "Not${operator}"?`;
  return `No operator is the opposite of ${operator}. The first selector that matches decides: before this one, put a selector with ${operator} and \`matchActions: [{action: NoPost}]\`.`;
}

function wrongType(
  scope: Scope,
  given: unknown,
  schema: Schema | undefined,
  document: unknown,
): void {
  const name = fieldName(scope.path);
  if (given === null || given === undefined) {
    scope.error(
      "policy-wrong-type",
      `${name} has no value`,
      `Fill it in or remove it. ${schema?.help ?? ""}`.trim(),
    );
    return;
  }
  scope.error(
    "policy-wrong-type",
    `${name} is ${kindOf(given)}, but must be ${wanted(schema)}`,
    isEventBudget(scope.path, document)
      ? 'Write the events and a time for them: "1000/1m".'
      : typeHint(scope, given, schema),
  );
}

const isEventBudget = (path: Path, document: unknown): boolean =>
  path.at(-3) === "options" &&
  path.at(-1) === "value" &&
  valueAt(document, [...path.slice(0, -1), "name"]) === "event-budget";

function wanted(schema: Schema | undefined): string {
  switch (schema?.kind) {
    case "text":
      return "a text";
    case "integer":
      return "a whole number";
    case "boolean":
      return "true or false";
    case "list":
      return "a list";
    default:
      return "a mapping";
  }
}

function typeHint(scope: Scope, given: unknown, schema: Schema | undefined): string {
  const scalar = typeof given !== "object";
  switch (schema?.kind) {
    case "text":
      if (scalar) return `Put it in quotes: "${String(given)}".`;
      return Array.isArray(given)
        ? "Write one text, without the dash."
        : "If the text contains a colon or begins with { or [, put it in quotes.";
    case "integer":
      return typeof given === "string" && /^-?\d+$/.test(given)
        ? `Write it without quotes: ${given}.`
        : schema.help;
    case "boolean":
      if (typeof given === "string" && /^(yes|on|y|true)$/i.test(given))
        return "Write true, without quotes.";
      if (typeof given === "string" && /^(no|off|n|false)$/i.test(given))
        return "Write false, without quotes.";
      return "Write true or false.";
    case "list":
      if (scalar)
        return `Write it as a list: ${fieldName(scope.path)}: [${JSON.stringify(String(given).slice(0, 80))}].`;
      return `Begin each entry with a dash: "- ${Object.keys(given ?? {})[0] ?? "…"}: …".`;
    default:
      return Array.isArray(given)
        ? "Remove the dash: it is one mapping, not a list."
        : "Write fields below it, each as `name: value`.";
  }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "boolean") return `the truth value ${value}`;
  return typeof value === "number" ? `the number ${value}` : `the text ${shown(value)}`;
}

function maxItemsHint(name: string): string {
  return name === "tags"
    ? "Keep the most telling ones."
    : "Put all values into one entry, or write several selectors.";
}

/** The field that a path ends in; for a list entry, that of the list. */
function fieldName(path: Path): string {
  const last = path.at(-1);
  return typeof last === "number"
    ? `An entry of ${String(path.findLast((segment) => typeof segment === "string"))}`
    : String(last ?? "The document");
}

function shown(value: unknown): string {
  if (typeof value === "object" && value !== null) return kindOf(value);
  return typeof value === "string"
    ? JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
    : String(value);
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const segment of path)
    found = typeof found === "object" && found !== null ? Reflect.get(found, segment) : undefined;
  return found;
}
