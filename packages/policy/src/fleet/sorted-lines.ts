// SPDX-License-Identifier: Apache-2.0

const newline = 0x0a;

/** How many lines equal this text. */
export function hasLine(lines: Buffer, text: string): number {
  let count = 0;
  for (const line of linesBeginning(lines, text)) if (line === text) count++;
  return count;
}

/** No kernel has longer lines; they are skipped. */
const maxLineBytes = 16 * 1024;

/** The lines with this prefix, in order. The text remains bytes: a kernel has 150,000 such lines. */
export function* linesBeginning(lines: Buffer, start: string): Iterable<string> {
  // A text with a newline would match across lines.
  if (start.includes("\n")) return;
  const needle = Buffer.from(start, "latin1");
  for (let at = 0; at < lines.length; ) {
    const found = start === "" ? at : lines.indexOf(needle, at);
    if (found < 0) return;
    const next = lines.indexOf(newline, found);
    const end = next < 0 ? lines.length : next;
    if ((found === 0 || lines[found - 1] === newline) && end - found <= maxLineBytes)
      yield lines.toString("latin1", found, end);
    at = end + 1;
  }
}
