// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DEBIAN_PACKAGES, type DebFiles } from "../layers/base-layer.ts";
import type { Part } from "./part.ts";

const run = promisify(execFile);

/** The Debian packages of the lowest layer. Their licences are below usr/share/doc there. */
export async function debianParts(debs: DebFiles): Promise<readonly Part[]> {
  return Promise.all(
    Object.entries(DEBIAN_PACKAGES).map(async ([name, { license }]) => {
      const version = await debVersion(debs.get(name) ?? name);
      return {
        name,
        version,
        license,
        purl: debianPurl(name, version, "amd64"),
        licenseFiles: [],
      };
    }),
  );
}

async function debVersion(deb: string): Promise<string> {
  const { stdout } = await run("dpkg-deb", ["--field", deb, "Version"]);
  return stdout.trim();
}

/** Sources below `src` of the set-up's cache → licence, and the files with its text. */
const LINKED = {
  libbpf: { license: "LGPL-2.1-only OR BSD-2-Clause", files: ["LICENSE.BSD-2-Clause"] },
  elfutils: {
    license: "GPL-2.0-or-later OR LGPL-3.0-or-later",
    files: ["COPYING-LGPLV3", "COPYING-GPLV2"],
  },
  zlib: { license: "Zlib", files: ["LICENSE"] },
};

/**
 * What is linked into the native parts: Debian's sources in the set-up's cache (scripts/setup.d/40-sources),
 * and the C library of the machine that compiled them, for the programs that are linked statically.
 */
export async function linkedParts(sources: string): Promise<readonly Part[]> {
  const fromSources = await Promise.all(
    Object.entries(LINKED).map(async ([name, { license, files }]) => {
      const directory = join(sources, name);
      const changelog = await readFile(join(directory, "debian/changelog"), "utf8");
      const version = /^\S+ \(([^)]+)\)/.exec(changelog)?.[1];
      if (version === undefined) throw new Error(`${directory}/debian/changelog has no version`);
      return {
        name,
        version,
        license,
        purl: debianPurl(name, version, "source"),
        licenseFiles: files.map((file) => join(directory, file)),
      };
    }),
  );
  return [...fromSources, await staticLibraryPart()];
}

async function staticLibraryPart(): Promise<Part> {
  // A line "libc6-dev:amd64 TAB version".
  const { stdout } = await run("dpkg-query", ["--show", "libc6-dev"]);
  const version = stdout.trim().replace(/^.*\t/, "");
  const release = await readFile("/etc/os-release", "utf8");
  const [, id = "debian"] = /^ID="?([^"\n]+)/m.exec(release) ?? [];
  return {
    name: "glibc",
    version,
    license: "LGPL-2.1-or-later",
    purl: `pkg:deb/${id}/glibc@${encodeURIComponent(version)}?arch=source`,
    // That of the lowest layer is the same.
    licenseFiles: [],
  };
}

function debianPurl(name: string, version: string, architecture: string): string {
  const [encodedName, encodedVersion] = [name, version].map(encodeURIComponent);
  return `pkg:deb/debian/${encodedName}@${encodedVersion}?arch=${architecture}&distro=debian-13`;
}
