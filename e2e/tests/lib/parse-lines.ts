// SPDX-License-Identifier: Apache-2.0
import type { ExportedEvent } from "./exported-event.ts";

/** Parses lines of JSON; the last one counts only if it is complete. Throws on a broken line. */
export function parseLines(text: string): ExportedEvent[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      try {
        return JSON.parse(line);
      } catch (cause) {
        throw new Error(`This exported line is no JSON: ${JSON.stringify(line.slice(0, 400))}`, {
          cause,
        });
      }
    });
}
