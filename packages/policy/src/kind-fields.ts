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

/** Refuses an API version that the kind does not have, and fields and values that it does not have. */
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
  for (const { path, value } of guardParts(document, tracingPolicySchema, [])) {
    const place = root.at(...path);
    (value === undefined ? place.onKey : place).error(
      "policy-rule",
      `The kind ${kind} has no ${value === undefined ? `"${path.at(-1)}"` : `${path.at(-1)} "${value}"`}`,
      `Use \`apiVersion: ${apiVersions[guard]}\` and \`kind: ${guard}\`, which has all fields.`,
    );
  }
}

/** A field that only kinds of our own have, or a value of a field of all kinds. */
type GuardPart = { readonly path: Path; readonly value?: string };

function* guardParts(value: unknown, schema: Schema, path: Path): Generator<GuardPart> {
  if (schema.kind === "text" && typeof value === "string" && schema.guardValues?.includes(value))
    yield { path, value };
  if (schema.kind === "list" && Array.isArray(value))
    for (const [i, item] of value.entries()) yield* guardParts(item, schema.items, [...path, i]);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  if (schema.kind === "map")
    for (const [key, item] of Object.entries(value))
      yield* guardParts(item, schema.values, [...path, key]);
  if (schema.kind !== "object") return;
  for (const [key, field] of Object.entries(schema.fields)) {
    const item: unknown = Reflect.get(value, key);
    if (item === undefined) continue;
    const isDefault = field.presence === "default" && item === field.value;
    if (field.only === "guard" && !isDefault) yield { path: [...path, key] };
    else yield* guardParts(item, field.schema, [...path, key]);
  }
}
