// SPDX-License-Identifier: Apache-2.0

import { validText } from "../text/text-view.ts";

const scratch = Buffer.alloc(4096);
const space = 0x20;
const quote = 0x22;

/**
 * hot: the same as `joinArguments` of the text in these bytes (bench/event-encoding). Nearly all are short
 * and ASCII.
 */
export function readArguments(bytes: Buffer, start: number, end: number): string {
  const last = end > start && bytes[end - 1] === 0 ? end - 1 : end;
  let at = start;
  while (at < last && bytes[at] !== 0) at++;
  if (at >= last) return "";
  // Each may need two quotes.
  if (3 * (last - at) > scratch.length) return joinArguments(validText(bytes, start, end));
  let count = 0;
  while (at < last) {
    const first = ++at;
    let quoted = at === last || bytes[at] === 0;
    for (; at < last && bytes[at] !== 0; at++) {
      const byte = bytes[at] as number;
      if (byte > 0x7e) return joinArguments(validText(bytes, start, end));
      if (byte === space) quoted = true;
    }
    if (count > 0) scratch[count++] = space;
    if (quoted) scratch[count++] = quote;
    for (let from = first; from < at; from++) scratch[count++] = bytes[from] as number;
    if (quoted) scratch[count++] = quote;
  }
  return scratch.toString("latin1", 0, count);
}

/**
 * The field `arguments` of an event: all but the first of those in `text`, each of which ends with a NUL,
 * joined with spaces. An argument that is empty or contains a space is put in double quotes; nothing inside
 * is escaped, as consumers expect.
 */
export function joinArguments(text: string): string {
  const end = text.endsWith("\0") ? text.length - 1 : text.length;
  const first = text.indexOf("\0");
  if (first < 0 || first >= end) return "";
  const rest = text.slice(first + 1, end);
  // There is rarely anything to quote.
  if (
    !rest.includes(" ") &&
    !rest.includes("\0\0") &&
    !rest.startsWith("\0") &&
    !rest.endsWith("\0") &&
    rest !== ""
  )
    return rest.replaceAll("\0", " ");
  return rest
    .split("\0")
    .map((argument) => (argument === "" || argument.includes(" ") ? `"${argument}"` : argument))
    .join(" ");
}
