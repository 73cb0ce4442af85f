// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import process from "node:process";
import type { Part } from "./part.ts";

/** The Node that runs this, with what is linked into it. Its licences are below usr/share/doc/node. */
export async function nodePart(): Promise<Part> {
  const { node: version, ...versions } = process.versions;
  // The version of an interface, not of a library.
  const { modules: _, napi: __, ...contains } = versions;
  return {
    name: "node",
    version,
    license: "MIT",
    purl: `pkg:generic/node@${version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    sha256: createHash("sha256")
      .update(await readFile(process.execPath))
      .digest("hex"),
    licenseFiles: [],
    contains: Object.fromEntries(
      Object.entries(contains).filter((entry): entry is [string, string] => !!entry[1]),
    ),
  };
}
