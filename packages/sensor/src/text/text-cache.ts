// SPDX-License-Identifier: Apache-2.0
import { validText } from "./text-view.ts";

/** Longer ones rarely recur. */
const maxBytes = 128;
const slots = 2048;

/**
 * hot: recurring texts of records, such as paths of binaries and directories: a cached one is found by its
 * bytes, without a call out of JavaScript, and is in memory only once (bench/event-encoding).
 */
export class TextCache {
  readonly #texts: string[] = new Array(slots).fill("");

  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return "";
    if (length > maxBytes) return validText(bytes, start, end);
    let hash = length;
    for (let at = start; at < end; at++)
      hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
    const slot = (hash ^ (hash >>> 15)) & (slots - 1);
    const known = this.#texts[slot] as string;
    if (known.length === length && isSame(known, bytes, start)) return known;
    const text = validText(bytes, start, end);
    // Non-ASCII text is shorter than its bytes, or differs from them, so it is never found.
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether the bytes are those of this ASCII text. */
function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== bytes[start + i] || code > 0x7f) return false;
  }
  return true;
}
