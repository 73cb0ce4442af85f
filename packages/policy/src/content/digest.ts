// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";

const prefix = "sha256:";

/**
 * SHA-256 as text: `sha256:` and hex. Programs use it as keys of maps, and people see it; messages have
 * the 32 bytes. A string is hashed as its UTF-8.
 */
export function digestOf(content: Uint8Array | string): string {
  return prefix + hash("sha256", content, "hex");
}

export function digestText(bytes: Uint8Array): string {
  return prefix + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function digestBytes(text: string): Buffer {
  return Buffer.from(text.slice(prefix.length), "hex");
}
