// SPDX-License-Identifier: Apache-2.0
import { parse } from "@marcbachmann/cel-js";
import type { JsonSchema } from "../src/to-json-schema.ts";
import { isJson } from "./structural-problems.ts";

const programs = new Map<string, ReturnType<typeof parse>>();

/**
 * The rules of a definition's schema that a value breaks, as `path: message`. The same language as in
 * the API server, by another implementation: what rules mean is tested here, what they may cost is not.
 */
export function brokenRules(schema: unknown, value: unknown, path = ""): readonly string[] {
  if (!isJson(schema)) return [];
  if (Array.isArray(value))
    return value.flatMap((item, i) => brokenRules(schema.items, item, `${path}[${i}]`));
  if (!isJson(value)) return [];
  const fields = isJson(schema.properties) ? schema.properties : {};
  return [
    ...rulesOf(schema)
      .filter(({ rule }) => run(rule, value) !== true)
      .map(({ message, fieldPath = "" }) => `${path}${fieldPath}: ${message}`),
    ...Object.entries(value).flatMap(([name, item]) =>
      brokenRules(fields[name] ?? schema.additionalProperties, item, `${path}.${name}`),
    ),
  ];
}

type CrdRule = { readonly rule: string; readonly message: string; readonly fieldPath?: string };

const rulesOf = (schema: JsonSchema): readonly CrdRule[] =>
  (schema["x-kubernetes-validations"] as readonly CrdRule[] | undefined) ?? [];

function run(rule: string, self: unknown): unknown {
  const program = programs.get(rule) ?? parse(rule);
  programs.set(rule, program);
  return program({ self: asCel(self) });
}

/** Whole numbers are BigInt there, and fields named by reserved words are escaped. */
function asCel(value: unknown): unknown {
  if (Number.isInteger(value)) return BigInt(value as number);
  if (Array.isArray(value)) return value.map(asCel);
  if (!isJson(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key === "return" || key === "namespace" ? `__${key}__` : key,
      asCel(item),
    ]),
  );
}
