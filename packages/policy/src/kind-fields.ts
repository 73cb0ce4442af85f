// SPDX-License-Identifier: Apache-2.0
import {
  apiVersions,
  guardKindOf,
  isGuardKind,
  isPolicyKind,
  type Path,
  type Schema,
  tracingPolicySchema,
} from "@gander/crd-schemas";
import type { Scope } from "./scope.ts";

/** Refuses an API version that the kind does not have, and fields that it does not have. */
export function checkKindFields(document: unknown, root: Scope): void {
  if (typeof document !== "object" || document === null) return;
  const { kind, apiVersion } = document as { readonly kind?: unknown; apiVersion?: unknown };
  if (!isPolicyKind(kind)) return;
  const version = apiVersions[kind];
  // Another text than one of these was refused.
  if (apiVersion !== version && Object.values<unknown>(apiVersions).includes(apiVersion))
    root
      .at("apiVersion")
      .error(
        "policy-unknown-value",
        `The kind ${kind} is not of ${String(apiVersion)}`,
        `Write \`apiVersion: ${version}\`.`,
      );
  if (isGuardKind(kind)) return;
  const guard = guardKindOf(kind);
  for (const path of guardFields(document, tracingPolicySchema, []))
    root
      .at(...path)
      .onKey.error(
        "policy-rule",
        `The kind ${kind} has no "${path.at(-1)}"`,
        `Use \`apiVersion: ${apiVersions[guard]}\` and \`kind: ${guard}\`, which has all fields.`,
      );
}

/** The fields present that only kinds of our own have. */
function* guardFields(value: unknown, schema: Schema, path: Path): Generator<Path> {
  if (schema.kind === "list" && Array.isArray(value))
    for (const [i, item] of value.entries()) yield* guardFields(item, schema.items, [...path, i]);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  if (schema.kind === "map")
    for (const [key, item] of Object.entries(value))
      yield* guardFields(item, schema.values, [...path, key]);
  if (schema.kind !== "object") return;
  for (const [key, field] of Object.entries(schema.fields)) {
    const item: unknown = Reflect.get(value, key);
    if (item === undefined) continue;
    const isDefault = field.presence === "default" && item === field.value;
    if (field.only === "guard" && !isDefault) yield [...path, key];
    else yield* guardFields(item, field.schema, [...path, key]);
  }
}
