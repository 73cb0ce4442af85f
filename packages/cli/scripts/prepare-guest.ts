// SPDX-License-Identifier: Apache-2.0
// Writes build/guest/, for e2e/vm: what lets programs start quickly in a guest, where without KVM to read
// hundreds of TypeScript files takes 15 s. `gander` is bundled, as users run it, kernel tests are bundled below tests/,
// and Node finds what it would make of each module (types stripped, compiled) in node-cache/. A module that was changed
// is not taken from there.
import { existsSync, globSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { glob, stat } from "node:fs/promises";
import { enableCompileCache, flushCompileCache, getCompileCacheDir } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";
import { bundleModules } from "./bundle-modules.ts";

const root = join(import.meta.dirname, "../../..");
const directory = join(root, "build/guest");
/** Larger ones are a client of the API server, which is elsewhere. */
const MODULE_LIMIT_BYTES = 4 * 1024 * 1024;
/** Without kernel tests themselves: they run as bundles. What is loaded later is not found here, so the sensor as a whole. */
const modules = [
  "packages/{sensor,libbpf}/{src,test}/**/*.ts",
  "e2e/cluster/lib/guest-agent.ts",
  "build/guest/{gander,lib/*}.mjs",
  "build/guest/tests/**/*.mjs",
];

/** A module finds its neighbours as if it ran where it was written: the guest has the repository as /gander. */
const keepPlaces: Plugin = {
  name: "keep-places",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const filename = join("/gander", relative(root, path));
      const places = { filename, dirname: dirname(filename), url: pathToFileURL(filename).href };
      const contents = readFileSync(path, "utf8").replace(
        /\bimport\.meta\.(filename|dirname|url)\b/g,
        (_, what: keyof typeof places) => JSON.stringify(places[what]),
      );
      return { contents, loader: "ts" };
    });
  },
};

await bundleGander();
await bundleTests();
// Paths are kept relative to the cache, and are the same in the guest.
enableCompileCache({ directory: join(directory, "node-cache"), portable: true });
await compile(await findModules());
flushCompileCache();
shareCacheWithRoot();

async function bundleGander(): Promise<void> {
  for (const part of ["gander.mjs", "lib"])
    rmSync(join(directory, part), { recursive: true, force: true });
  const entries = { gander: join(root, "packages/cli/src/main.ts") };
  await bundleModules({ entries, directory, sourceMaps: "none" });
  // Where a bundle looks for them. They may be built later.
  link("../../../packages/libbpf/build/libbpf.node", "lib/libbpf.node");
  for (const name of ["read-files", "let-go"])
    link(`../../../packages/sensor/native/build/${name}`, `lib/${name}`);
  link("../../../packages/policy-test/native/build/act", "lib/act");
  link("../../bpf/build", "bpf");
  link("../../policies", "policies");
}

/** Each below tests/, named as it is in the repository; in-guest.ts runs them. */
async function bundleTests(): Promise<void> {
  const tests = globSync("{packages,e2e,bpf,bench}/**/*.kernel-test.ts", {
    cwd: root,
    exclude: (path) => path.includes("node_modules"),
  });
  rmSync(join(directory, "tests"), { recursive: true, force: true });
  await bundleModules({
    entries: Object.fromEntries(tests.map((file) => [file.slice(0, -3), join(root, file)])),
    directory: join(directory, "tests"),
    sourceMaps: "none",
    plugins: [keepPlaces],
  });
}

function link(target: string, name: string): void {
  rmSync(join(directory, name), { force: true });
  symlinkSync(target, join(directory, name));
}

async function findModules(): Promise<string[]> {
  const found: string[] = [];
  const exclude = (path: string) => /node_modules|(?<!kernel-)test\.ts$/.test(path);
  for await (const name of glob(modules, { cwd: root, exclude })) {
    const file = join(root, name);
    if ((await stat(file)).size < MODULE_LIMIT_BYTES) found.push(file);
  }
  return found;
}

/** Compiles modules with all they import, and runs none: the first one that would run throws. */
async function compile(files: readonly string[]): Promise<void> {
  const all = join(directory, "all.mjs");
  const imports = files.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`);
  writeFileSync(join(directory, "stop.mjs"), 'throw new Error("Compiled; nothing shall run.");\n');
  writeFileSync(all, `import "./stop.mjs";\n${imports.join("")}`);
  // A module that cannot be linked ends it early: then tests start slowly, and say what is wrong.
  await import(pathToFileURL(all).href).catch(() => {});
}

/** The cache's folder is named after the version of Node and the user, who is root in the guest. */
function shareCacheWithRoot(): void {
  const ours = getCompileCacheDir() ?? "";
  const roots = ours.replace(/-\d+$/, "-0");
  if (!existsSync(roots)) symlinkSync(basename(ours), roots);
}
