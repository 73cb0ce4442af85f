// SPDX-License-Identifier: Apache-2.0
import { chmod, cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type BundleFiles, bundleModules } from "../../../cli/scripts/bundle-modules.ts";
import { LIBRARY } from "./node-layer.ts";

export interface Program {
  /** Of its command. */
  readonly name: string;
  /** Its main module, from the root of the repository. */
  readonly entry: string;
  /** Folder below the library → files built by `make build` that it opens there. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Folders of the repository that lie below the library as a whole. */
  readonly folders?: readonly string[];
}

/**
 * Puts a program into `directory`: its bundle with what it needs beside it. The modules are not minified,
 * so that a stack trace names functions without source maps, which are larger than the program.
 */
export async function stageProgramLayer(
  directory: string,
  root: string,
  { name, entry, files, folders = [] }: Program,
): Promise<BundleFiles> {
  const library = join(directory, LIBRARY);
  const outputs = await bundleModules({
    entries: { [name]: join(root, entry) },
    directory: library,
    sourceMaps: "none",
  });
  for (const [folder, paths] of Object.entries(files))
    for (const path of paths) await cp(join(root, path), join(library, folder, basename(path)));
  for (const path of folders)
    await cp(join(root, path), join(library, basename(path)), { recursive: true });
  await makeCommand(directory, name);
  await cp(join(root, "LICENSE"), join(directory, "usr/share/doc/gander/LICENSE"));
  return outputs;
}

/**
 * There is no shell that could start Node with its flag, so the kernel does (see scripts/install for the
 * flag). Node follows the link to the module.
 */
async function makeCommand(directory: string, name: string): Promise<void> {
  const module = join(directory, LIBRARY, `${name}.mjs`);
  const text = await readFile(module, "utf8");
  await writeFile(module, text.replace(/^#!.*/, `#!/${LIBRARY}/node --disable-sigusr1`));
  await chmod(module, 0o755);
  await mkdir(join(directory, "usr/local/bin"), { recursive: true });
  await symlink(`../lib/gander/${name}.mjs`, join(directory, "usr/local/bin", name));
}
