// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { type BuildResult, build, type Plugin } from "esbuild";

export interface BundleOptions {
  /** Name of a program → its main module. What several need lies in files that they share. */
  readonly entries: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly sourceMaps: "linked" | "none";
  readonly plugins?: readonly Plugin[];
}

export type BundleFiles = NonNullable<BuildResult["metafile"]>["outputs"];

// CommonJS packages ask for require at run time.
const REQUIRE = `import { createRequire as $createRequire } from "node:module";
const require = $createRequire(import.meta.url);`;

/** Writes each program as DIRECTORY/NAME.mjs, and its modules that are loaded on demand below lib/. */
export async function bundleModules(options: BundleOptions): Promise<BundleFiles> {
  const { metafile } = await build({
    // Comments and hashes have paths relative to it.
    absWorkingDir: join(import.meta.dirname, "../../.."),
    entryPoints: options.entries,
    outdir: options.directory,
    outExtension: { ".js": ".mjs" },
    chunkNames: "lib/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    supported: { using: true },
    banner: { js: REQUIRE },
    sourcemap: options.sourceMaps === "linked" ? "linked" : false,
    plugins: [...(options.plugins ?? [])],
    metafile: true,
    logLevel: "warning",
  });
  return metafile.outputs;
}
