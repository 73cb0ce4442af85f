// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { limits } from "../limits.ts";
import type { ParsedFile } from "./parse-documents.ts";

/** An object as a document without text, within the limits of a file. Never throws. */
export function objectDocument(object: object): ParsedFile {
  const message = excessOf(object);
  if (message !== undefined) return { documents: [], problems: [tooLarge(message)] };
  const nowhere = { line: 0, column: 0 };
  // A copy, because the check fills in defaults. Undefined fields are dropped.
  const value: unknown = JSON.parse(JSON.stringify(object));
  const locate = {
    ...{ value: () => nowhere, key: () => nowhere, character: () => nowhere },
    plainText: () => undefined,
  };
  return { documents: [{ value, locate }], problems: [] };
}

/** Level by level, not by recursion: excessive depth must not exhaust the stack. */
function excessOf(object: object): string | undefined {
  let level: unknown[] = [object];
  let bytes = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.depth)
      return `The object nests lists or mappings deeper than ${limits.depth} levels`;
    const next: unknown[] = [];
    for (const value of level) {
      bytes += typeof value === "string" ? value.length + 2 : 2;
      if (typeof value !== "object" || value === null) continue;
      const isList = Array.isArray(value);
      for (const [key, entry] of Object.entries(value)) {
        bytes += isList ? 0 : key.length + 3;
        next.push(entry);
      }
    }
    if (bytes > limits.fileBytes) return `The object has more than ${limits.fileBytes} bytes`;
    level = next;
  }
  return undefined;
}

const tooLarge = (message: string): Problem => ({
  file: "",
  path: "spec",
  line: 0,
  column: 0,
  code: "input-too-large",
  message,
  hint: "A policy has at most a dozen levels. Split it into several policies",
  severity: "error",
});
