// SPDX-License-Identifier: Apache-2.0
import type { PolicyContent } from "../compiled-policy.ts";
import { digestOf } from "./digest.ts";

/** The form sent to sensors, identified by its digest. */
export type EncodedPolicy = {
  /** Canonical JSON, in UTF-8. */
  readonly bytes: Uint8Array;
  /** Of the bytes, as text. */
  readonly digest: string;
};

/** Encodes a policy without name and namespace: the same spec gives the same bytes on every machine. */
export function encodePolicy(content: PolicyContent): EncodedPolicy {
  const { mode, hooks, eventBudget, workloads, nodeSelector } = content;
  const bytes = Buffer.from(canonicalText({ mode, hooks, eventBudget, workloads, nodeSelector }));
  return { bytes, digest: digestOf(bytes) };
}

/**
 * JSON with sorted keys and no spaces; absent fields are omitted, all others are written. 64-bit numbers
 * are decimal text: the schema says where they are.
 */
function canonicalText(value: unknown): string {
  if (typeof value === "bigint") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalText(field)}`).join(",")}}`;
}
