// SPDX-License-Identifier: Apache-2.0
// What goes from a guest to who started it, as lines among the output of the tests.
import type { Counts } from "../../scripts/test/counts.ts";

export type GuestMessage =
  | { readonly kind: "start"; readonly file: string }
  | {
      readonly kind: "end";
      readonly file: string;
      readonly status: number;
      /** Undefined if the file's process died before it could say. */
      readonly counts: Counts | undefined;
    }
  /** The file before has left something: what follows needs a new guest. */
  | { readonly kind: "left"; readonly file: string; readonly what: readonly string[] };

/** Begins with a character that tests do not print. */
const MARK = "\u001egander ";
const MARK_BYTE = MARK.charCodeAt(0);
const LINE_FEED = 10;

/** With a line feed before it, as the output before may end without one. */
export function formatMessage(message: GuestMessage): string {
  return `\n${MARK}${JSON.stringify(message)}\n`;
}

/** Takes output as it comes; gives messages, and at once everything else to `onOutput`. */
export function createMessageReader(
  onMessage: (message: GuestMessage) => void,
  onOutput: (text: Buffer) => void,
): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length > 0) {
      const mark = rest.indexOf(MARK_BYTE);
      const before = mark < 0 ? rest.length : mark;
      if (before > 0) onOutput(rest.subarray(0, before));
      rest = rest.subarray(before);
      const end = rest.indexOf(LINE_FEED);
      if (end < 0) return;
      const line = rest.subarray(0, end + 1);
      rest = rest.subarray(end + 1);
      const text = line.toString();
      if (text.startsWith(MARK)) onMessage(JSON.parse(text.slice(MARK.length)));
      else onOutput(line);
    }
  };
}
