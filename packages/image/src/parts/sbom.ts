// SPDX-License-Identifier: Apache-2.0
import type { Image } from "../oci/index.ts";
import type { Part } from "./part.ts";

export interface SbomOptions {
  readonly image: Image;
  readonly version: string;
  readonly parts: readonly Part[];
}

/**
 * What an image is made of, as CycloneDX 1.6. It has neither a time nor a serial number: the same image
 * has the same one.
 */
export function createSbom({ image, version, parts }: SbomOptions): object {
  const { digest } = image.manifest.descriptor;
  const [name = ""] = image.name.split(/:[^:/]*$/);
  const short = name.split("/").at(-1);
  const purl = `pkg:oci/${short}@${encodeURIComponent(digest)}?arch=amd64&repository_url=${encodeURIComponent(name)}&tag=${version}`;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "container",
        "bom-ref": purl,
        name,
        version,
        hashes: [sha256Hash(digest.replace("sha256:", ""))],
        licenses: [{ expression: "Apache-2.0" }],
        purl,
      },
    },
    components: parts.map(componentOf),
    dependencies: [
      { ref: purl, dependsOn: parts.map((part) => part.purl) },
      ...parts.map((part) => ({ ref: part.purl })),
    ],
  };
}

function componentOf(part: Part): object {
  const { name, version, license, purl, cpe, sha256, contains } = part;
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    ...(sha256 !== undefined && { hashes: [sha256Hash(sha256)] }),
    licenses: [{ expression: license }],
    ...(cpe !== undefined && { cpe }),
    purl,
    ...(contains !== undefined && {
      components: Object.entries(contains).map(([one, its]) => ({
        type: "library",
        "bom-ref": `${purl}#${one}`,
        name: one,
        version: its,
      })),
    }),
  };
}

const sha256Hash = (content: string) => ({ alg: "SHA-256", content });
