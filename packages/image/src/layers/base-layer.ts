// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, matchesGlob, relative } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type DebFiles = ReadonlyMap<string, string>;

/** What the images contain of each package, and its licence. No program but the dynamic linker. */
export const DEBIAN_PACKAGES: Readonly<
  Record<string, { readonly license: string; readonly files: readonly string[] }>
> = {
  libc6: {
    license: "LGPL-2.1-or-later",
    files: ["ld-linux-x86-64", "libc", "libdl", "libm", "libpthread"]
      .map((name) => `usr/lib/x86_64-linux-gnu/${name}.so.*`)
      .concat("usr/lib64/*"),
  },
  "libgcc-s1": {
    license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    files: ["usr/lib/x86_64-linux-gnu/*"],
  },
  "libstdc++6": {
    license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    files: ["usr/lib/x86_64-linux-gnu/*"],
  },
  // Has the text of the licence of the two above.
  "gcc-14-base": { license: "GPL-3.0-or-later WITH GCC-exception-3.1", files: [] },
  "base-files": {
    license: "GPL-2.0-or-later",
    files: [
      "etc/debian_version",
      "etc/os-release",
      "usr/lib/os-release",
      "usr/share/common-licenses/{Artistic,GFDL,GFDL-1.2,GFDL-1.3,GPL,GPL-2,GPL-3,LGPL,LGPL-2,LGPL-2.1,LGPL-3}",
      "{lib,lib64}",
    ],
  },
};

/** Users and groups; 65532 is the user the chart runs the operator as. */
const ACCOUNTS = {
  "etc/passwd": [
    "root:x:0:0:root:/:/nonexistent",
    "gander:x:65532:65532:gander:/:/nonexistent",
    "nobody:x:65534:65534:nobody:/:/nonexistent",
  ],
  "etc/group": ["root:x:0:", "gander:x:65532:", "nogroup:x:65534:"],
  // Without it glibc asks DNS before /etc/hosts, which Kubernetes writes.
  "etc/nsswitch.conf": ["passwd: files", "group: files", "hosts: files dns"],
};

/**
 * Puts the lowest layer into `directory`: from Debian packages the libraries that Node is
 * linked with, their licences, and what tells a scanner which packages these are.
 */
export async function stageBaseLayer(directory: string, debs: DebFiles): Promise<void> {
  for (const [name, lines] of Object.entries(ACCOUNTS))
    await writeInto(directory, name, `${lines.join("\n")}\n`);
  for (const name of ["dev", "proc", "run", "sys", "var"])
    await mkdir(join(directory, name), { recursive: true });
  await symlink("../run", join(directory, "var/run"));
  for (const [name, { files: patterns }] of Object.entries(DEBIAN_PACKAGES)) {
    const deb = debs.get(name);
    if (deb === undefined) throw new Error(`There is no package ${name}: run scripts/setup image`);
    await stagePackage(directory, { name, deb, patterns });
  }
}

/** Names of packages → their files in a folder. */
export async function findDebs(directory: string): Promise<DebFiles> {
  const files = (await readdir(directory)).filter((file) => file.endsWith(".deb"));
  return new Map(files.map((file) => [file.split("_")[0] ?? "", join(directory, file)]));
}

interface DebianPackage {
  readonly name: string;
  readonly deb: string;
  readonly patterns: readonly string[];
}

async function stagePackage(directory: string, one: DebianPackage): Promise<void> {
  const { name, deb, patterns } = one;
  const unpacked = await mkdtemp(join(tmpdir(), "gander-image-"));
  try {
    await run("dpkg-deb", ["--extract", deb, unpacked]);
    // A folder of documents may be a link to that of another package.
    const kept = [...patterns, `usr/share/doc/${name}`, `usr/share/doc/${name}/copyright`];
    for (const entry of await readdir(unpacked, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      const from = join(entry.parentPath, entry.name);
      const file = relative(unpacked, from);
      if (!kept.some((pattern) => matchesGlob(file, pattern))) continue;
      await cp(from, join(directory, file), { verbatimSymlinks: true });
    }
  } finally {
    await rm(unpacked, { recursive: true });
  }
  // Where scanners look for the packages of images without a package manager.
  const { stdout } = await run("dpkg-deb", ["--field", deb]);
  await writeInto(directory, `var/lib/dpkg/status.d/${name}`, stdout);
}

async function writeInto(directory: string, name: string, text: string): Promise<void> {
  await mkdir(dirname(join(directory, name)), { recursive: true });
  await writeFile(join(directory, name), text);
}
