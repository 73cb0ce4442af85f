// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "../scope.ts";

/** Truncates the text to what an event carries; reports it if something is cut off. */
export function cutText(text: string, maxBytes: number, scope: Scope): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  scope.warning(
    "policy-cut",
    `The text has ${bytes.length} bytes; events carry the first ${maxBytes}`,
    "Shorten it.",
  );
  let end = maxBytes;
  // Never splits a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}
