// SPDX-License-Identifier: Apache-2.0
import type { LineBuffer } from "./line-buffer.ts";

/** More than the number of binaries in use. */
const maxKnown = 1024;
const maxLength = 256;

/** Writes `name` and a text as a JSON string. */
type KnownField = (line: LineBuffer, text: string) => void;

/**
 * hot: for a field whose texts recur, such as the paths of binaries: each is encoded once, together with its
 * name (bench/event-encoding).
 */
export function createKnownField(name: string): KnownField {
  const nameBytes = Buffer.from(name);
  const known = new Map<string, Uint8Array>();
  return (line, text) => {
    const json = known.get(text);
    if (json !== undefined) {
      line.raw(json);
      return;
    }
    const start = line.length;
    line.raw(nameBytes);
    line.string(text);
    if (text.length > maxLength) return;
    if (known.size >= maxKnown) known.clear();
    known.set(text, line.copy(start));
  };
}
