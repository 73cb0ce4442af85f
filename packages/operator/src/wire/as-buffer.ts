// SPDX-License-Identifier: Apache-2.0

/** The same bytes, in the form that gRPC accepts. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
