// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

/** `sha256:…` of a plain value: equal values have equal digests, whatever the order of their keys. */
export function digestOf(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalText(value)).digest("hex")}`;
}

/** JSON with sorted keys; 64-bit numbers are marked, as `1n` is not `1`. */
export function canonicalText(value: unknown): string {
  if (typeof value === "bigint") return `{"int64":"${value}"}`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalText(field)}`).join(",")}}`;
}
