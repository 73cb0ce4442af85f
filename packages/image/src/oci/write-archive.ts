// SPDX-License-Identifier: Apache-2.0
import { writeFile } from "node:fs/promises";
import type { Blob } from "./blob.ts";
import type { Image } from "./image.ts";
import { type TarEntry, writeTar } from "./write-tar.ts";

/**
 * Writes an image as an archive: an OCI image layout (image-layout.md) in a tar, with the manifest.json
 * that `docker load` reads without containerd. `ctr images import`, `podman load` and `skopeo copy
 * oci-archive:FILE` take it. The same image gives the same bytes.
 */
export async function writeArchive(file: string, image: Image): Promise<void> {
  const blobs = [image.manifest, image.config, ...image.layers.map((layer) => layer.blob)];
  await writeFile(
    file,
    await writeTar([
      text("oci-layout", { imageLayoutVersion: "1.0.0" }),
      text("index.json", indexOf(image)),
      text("manifest.json", dockerManifestOf(image)),
      { name: "blobs", mode: 0o755, content: "directory" },
      { name: "blobs/sha256", mode: 0o755, content: "directory" },
      ...[...new Map(blobs.map((blob) => [pathOf(blob), blob]))].map(([name, blob]) => ({
        name,
        mode: 0o644,
        content: blob.bytes,
      })),
    ]),
  );
}

function indexOf({ name, manifest }: Image): object {
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [
      {
        ...manifest.descriptor,
        platform: { architecture: "amd64", os: "linux" },
        annotations: {
          // The first is for containerd, the second for podman.
          "io.containerd.image.name": name,
          "org.opencontainers.image.ref.name": name,
        },
      },
    ],
  };
}

function dockerManifestOf({ name, config, layers }: Image): object {
  return [
    { Config: pathOf(config), RepoTags: [name], Layers: layers.map(({ blob }) => pathOf(blob)) },
  ];
}

const text = (name: string, content: object): TarEntry => ({
  name,
  mode: 0o644,
  content: Buffer.from(JSON.stringify(content)),
});

const pathOf = (blob: Blob) => `blobs/${blob.descriptor.digest.replace(":", "/")}`;
