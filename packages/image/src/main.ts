// SPDX-License-Identifier: Apache-2.0
// `make image`: container images of the sensor and the operator as OCI archives, without a container engine.
import { join, relative } from "node:path";
import process from "node:process";
import { buildImages } from "./build-images.ts";
import { imageSizeBytes } from "./oci/index.ts";

const root = join(import.meta.dirname, "../../..");
const { GANDER_CACHE, IMAGE_REPOSITORY = "localhost/gander" } = process.env;
if (GANDER_CACHE === undefined) throw new Error("GANDER_CACHE is not set: run make image");

const built = await buildImages({
  root,
  cache: GANDER_CACHE,
  output: join(root, "build/image"),
  repository: IMAGE_REPOSITORY,
});
for (const { image, archive } of built) {
  const size = (imageSizeBytes(image) / 1e6).toFixed(1);
  const { digest } = image.manifest.descriptor;
  process.stdout.write(`${relative(root, archive)}  ${image.name}  ${size} MB  ${digest}\n`);
}
