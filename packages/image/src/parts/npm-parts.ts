// SPDX-License-Identifier: Apache-2.0
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BundleFiles } from "../../../cli/scripts/bundle-modules.ts";
import type { Part } from "./part.ts";

/** The npm packages of which a bundle has code, sorted by name and version. */
export function npmParts(root: string, outputs: BundleFiles): readonly Part[] {
  const folders = new Set<string>();
  for (const output of Object.values(outputs))
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs))
      if (bytesInOutput > 0 && input.includes("node_modules/"))
        folders.add(packageFolder(join(root, input)));
  const parts = new Map<string, Part>();
  for (const folder of folders) {
    const part = readPackage(folder);
    parts.set(part.purl, part);
  }
  return [...parts.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

interface PackageManifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
}

/** The nearest folder whose package.json names a package: some have others below, with a type alone. */
function packageFolder(file: string): string {
  const folder = dirname(file);
  if (folder === file) throw new Error("A module of node_modules belongs to no package");
  const { name, version } = readManifest(folder);
  return name !== undefined && version !== undefined ? folder : packageFolder(folder);
}

function readManifest(folder: string): PackageManifest {
  const file = join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

function readPackage(folder: string): Part {
  const { name = "", version = "", license } = readManifest(folder);
  if (typeof license !== "string") throw new Error(`${name}@${version} names no licence`);
  return {
    name,
    version,
    license,
    // The scope's @ is encoded, the slash after it is not.
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    licenseFiles: globSync("{LICEN[CS]E,licen[cs]e,COPYING,NOTICE}*", { cwd: folder })
      .sort()
      .map((file) => join(folder, file)),
  };
}
