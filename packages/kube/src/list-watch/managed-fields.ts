// SPDX-License-Identifier: Apache-2.0

const key = Buffer.from('"managedFields":[');

/**
 * An object's JSON as text, with `metadata.managedFields` emptied before parsing: they are a quarter of a
 * pod and nothing here reads them. The key cannot be mistaken for part of a text, because a quote in a
 * text is written `\"`.
 */
// hot: scripts/measure-reflector.ts
export function withoutManagedFields(bytes: Buffer): string {
  const at = bytes.indexOf(key);
  if (at < 0) return bytes.toString("utf8");
  const from = at + key.length;
  const to = endOfArray(bytes, from);
  return bytes.toString("utf8", 0, from) + bytes.toString("utf8", to);
}

/** Position of the bracket that closes the array begun before `from`; `from` if there is none. */
function endOfArray(bytes: Buffer, from: number): number {
  let depth = 1;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) {
      at = endOfString(bytes, at + 1);
    } else if (byte === 0x5b) {
      depth++;
    } else if (byte === 0x5d && --depth === 0) {
      return at;
    }
  }
  // Not JSON: let the parser report it, on the whole text.
  return from;
}

function endOfString(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
  return at;
}
