// SPDX-License-Identifier: Apache-2.0
import { validatePolicyException } from "./generated/validate-policy-exception.js";
import { validatePolicyStatus, validatePolicyWithStatus } from "./generated/validate-status.js";
import type { SchemaError, Validate } from "./generated/validate-tracing-policy.js";
import { validate } from "./generated/validate-tracing-policy.js";
import { policyExceptionSchema } from "./policy-exception.ts";
import { policyStatusSchema, policyWithStatusSchema } from "./policy-status.ts";
import type { Rule, Schema } from "./schema.ts";
import { tracingPolicySchema } from "./tracing-policy.ts";

/** A position in a document: field names and list positions from its root. */
export type Path = readonly (string | number)[];

/** A violation of the schema; paths are those of the invalid value. */
export type Finding =
  | {
      readonly kind: "schema";
      readonly path: Path;
      readonly keyword: string;
      readonly params: SchemaError["params"];
    }
  | { readonly kind: "rule"; readonly path: Path; readonly rule: Rule };

/** Checks a parsed document against the schema of both kinds, and **fills in defaults in place**. */
export const checkTracingPolicySchema = (document: unknown): readonly Finding[] =>
  check(document, tracingPolicySchema, validate);

/** Checks the `status` of a policy; the rest of the policy may be anything. */
export const checkTracingPolicyStatusSchema = (policy: unknown): readonly Finding[] =>
  check(policy, policyWithStatusSchema, validatePolicyWithStatus);

/** Checks a PolicyStatus or PolicyStatusNamespaced. */
export const checkPolicyStatusSchema = (document: unknown): readonly Finding[] =>
  check(document, policyStatusSchema, validatePolicyStatus);

/** Checks a PolicyException or PolicyExceptionNamespaced, and fills in defaults in place. */
export const checkPolicyExceptionSchema = (document: unknown): readonly Finding[] =>
  check(document, policyExceptionSchema, validatePolicyException);

function check(document: unknown, schema: Schema, holds: Validate): readonly Finding[] {
  const findings: Finding[] = [];
  if (!holds(document)) {
    for (const error of holds.errors ?? []) {
      findings.push({
        kind: "schema",
        path: toPath(error.instancePath, document),
        keyword: error.keyword,
        params: error.params,
      });
    }
  }
  collectBrokenRules(document, schema, [], findings);
  return findings;
}

/** The schema that applies at a path of a document, if any. */
export function schemaAt(path: Path, root: Schema = tracingPolicySchema): Schema | undefined {
  let schema: Schema | undefined = root;
  for (const segment of path) {
    if (schema?.kind === "list") schema = schema.items;
    else if (schema?.kind === "map") schema = schema.values;
    else if (schema?.kind === "object") schema = schema.fields[segment]?.schema;
    else return undefined;
  }
  return schema;
}

/** JSON pointer → path; only the document shows whether a segment is a list position. */
function toPath(pointer: string, document: unknown): Path {
  const path: (string | number)[] = [];
  let value = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(value) ? Number(key) : key);
    value = isObject(value) ? Reflect.get(value, key) : undefined;
  }
  return path;
}

function collectBrokenRules(value: unknown, schema: Schema, path: Path, findings: Finding[]): void {
  if (schema.kind === "list" && Array.isArray(value)) {
    for (const [i, item] of value.entries())
      collectBrokenRules(item, schema.items, [...path, i], findings);
  }
  if (!isObject(value) || Array.isArray(value)) return;
  if (schema.kind === "map") {
    for (const [key, item] of Object.entries(value))
      collectBrokenRules(item, schema.values, [...path, key], findings);
  }
  if (schema.kind !== "object") return;
  for (const rule of schema.rules) {
    if (rule.holds && !rule.holds(value)) findings.push({ kind: "rule", path, rule });
  }
  for (const [key, field] of Object.entries(schema.fields)) {
    if (key in value) collectBrokenRules(value[key], field.schema, [...path, key], findings);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
