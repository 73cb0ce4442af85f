// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from "node:buffer";
import type { TextView } from "@gander/proto";

/**
 * hot: points `view` at bytes of a record, and checks whether they can be copied as they are
 * (bench/event-encoding). Bytes that are not UTF-8 are replaced, in a copy.
 */
export function viewText(view: TextView, bytes: Uint8Array, start: number, end: number): void {
  view.bytes = bytes;
  view.start = start;
  view.end = end;
  view.plain = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) {
      viewUnusual(view);
      return;
    }
  }
}

/** A text that is not in a record. */
export function viewString(view: TextView, text: string): void {
  const bytes = Buffer.from(text);
  viewText(view, bytes, 0, bytes.length);
}

export function viewToString({ bytes, start, end }: TextView): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}

/** Bytes as text; each run of bytes that are not UTF-8 becomes one U+FFFD, as in Tetragon. */
export function validText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  if (!text.includes("\ufffd") || isUtf8(bytes.subarray(start, end))) return text;
  return text.replaceAll(/\ufffd+/g, "\ufffd");
}

function viewUnusual(view: TextView): void {
  view.plain = false;
  const bytes = view.bytes.subarray(view.start, view.end);
  if (isUtf8(bytes)) return;
  const { buffer, byteOffset, length } = bytes;
  view.bytes = Buffer.from(validText(Buffer.from(buffer, byteOffset, length), 0, length));
  view.start = 0;
  view.end = view.bytes.length;
}
