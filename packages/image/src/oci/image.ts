// SPDX-License-Identifier: Apache-2.0
import { type Blob, createJsonBlob, type Descriptor } from "./blob.ts";
import type { Layer } from "./pack-layer.ts";

/** What a container of an image runs, as which user. OCI image specification, config.md. */
export interface RunConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface Image {
  /** With registry and tag: `localhost/gander/sensor:0.1.0`. */
  readonly name: string;
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Layer[];
}

export interface ImageOptions {
  readonly name: string;
  readonly run: RunConfig;
  /** From the lowest one. */
  readonly layers: readonly Layer[];
}

/** When an image was made is no property of what is in it. */
const CREATED = "1970-01-01T00:00:00Z";

/** An image for Linux on x86-64. */
export function createImage({ name, run, layers }: ImageOptions): Image {
  const config = createJsonBlob("application/vnd.oci.image.config.v1+json", {
    created: CREATED,
    architecture: "amd64",
    os: "linux",
    config: run,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((layer) => ({ created: CREATED, created_by: layer.createdBy })),
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = createJsonBlob(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: layers.map((layer) => layer.blob.descriptor),
  });
  return { name, manifest, config, layers };
}

/** Of what is transferred: the manifest, the configuration and the compressed layers. */
export function imageSizeBytes({ manifest, config, layers }: Image): number {
  const blobs: readonly { readonly descriptor: Descriptor }[] = [
    manifest,
    config,
    ...layers.map((layer) => layer.blob),
  ];
  return blobs.reduce((sum, blob) => sum + blob.descriptor.size, 0);
}
