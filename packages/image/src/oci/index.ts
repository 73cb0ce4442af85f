// SPDX-License-Identifier: Apache-2.0
export { type Blob, createBlob, createJsonBlob, type Descriptor, sha256 } from "./blob.ts";
export {
  createImage,
  type Image,
  type ImageOptions,
  imageSizeBytes,
  type RunConfig,
} from "./image.ts";
export { type Layer, packLayer } from "./pack-layer.ts";
export { writeArchive } from "./write-archive.ts";
