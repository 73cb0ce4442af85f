// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

/** Content of an image, and how others refer to it. */
export interface Blob {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor;
}

/** OCI image specification, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly size: number;
}

export function createBlob(mediaType: string, bytes: Buffer): Blob {
  return { bytes, descriptor: { mediaType, digest: sha256(bytes), size: bytes.length } };
}

/** The same object gives the same bytes: keys stay in their order. */
export function createJsonBlob(mediaType: string, content: object): Blob {
  return createBlob(mediaType, Buffer.from(JSON.stringify(content)));
}

/** The digest as OCI writes it: `sha256:` and 64 hexadecimal digits. */
export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
