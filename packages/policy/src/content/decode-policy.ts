// SPDX-License-Identifier: Apache-2.0
import * as v from "valibot";
import { type CompiledPolicy, policyContent } from "../compiled-policy.ts";
import { pathText } from "../scope.ts";
import { encodePolicy } from "./encode-policy.ts";

/** Why the bytes fail, for people: `it holds what this version does not know: "usdt" at hooks[0].kind`. */
type Undecodable = { readonly value?: never; readonly problem: string };

/**
 * Decodes the output of `encodePolicy`. Refuses what it doesn't fully understand: without one of its
 * filters, it would be another policy. Never throws.
 */
export function decodePolicy(
  bytes: Uint8Array,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): { readonly value: CompiledPolicy; readonly problem?: never } | Undecodable {
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(bytes));
  } catch {
    return { problem: "it is not JSON" };
  }
  const { success, output, issues } = v.safeParse(policyContent, json, { abortEarly: true });
  if (!success) return { problem: problemOf(issues[0]) };
  const encoded = encodePolicy(output);
  // One value, one form: nothing was skipped, and no other bytes encode it under another digest.
  if (Buffer.compare(encoded.bytes, bytes) !== 0)
    return { problem: "it is not written as this version writes it" };
  return { value: { name, namespace, digest: encoded.digest, ...output } };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function problemOf({ path, input, received }: v.InferIssue<typeof policyContent>): string {
  const keys = path?.map(({ key }) => (typeof key === "number" ? key : cut(String(key))));
  const place = pathText(keys ?? []);
  if (input === undefined) return `it has no ${place}`;
  const found = typeof input === "string" ? JSON.stringify(cut(input)) : received;
  return `it holds what this version does not know: ${found}${place && ` at ${place}`}`;
}

const cut = (text: string) => text.slice(0, 80);
