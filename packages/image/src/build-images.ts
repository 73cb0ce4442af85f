// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { IMAGES, type ImagePlan } from "./images.ts";
import { findDebs, stageBaseLayer } from "./layers/base-layer.ts";
import { stageNodeLayer } from "./layers/node-layer.ts";
import { stageProgramLayer } from "./layers/program-layer.ts";
import { createImage, type Image, type Layer, packLayer, writeArchive } from "./oci/index.ts";
import { debianParts, linkedParts } from "./parts/debian-parts.ts";
import { licenseTexts } from "./parts/license-texts.ts";
import { nodePart } from "./parts/node-part.ts";
import { npmParts } from "./parts/npm-parts.ts";
import type { Part } from "./parts/part.ts";
import { createSbom } from "./parts/sbom.ts";

export interface BuildOptions {
  /** Of the repository. */
  readonly root: string;
  /** The set-up's cache: Debian packages and sources. */
  readonly cache: string;
  /** Where archives and layers are written. */
  readonly output: string;
  /** What stands before `/sensor` and `/operator` in the names of the images. */
  readonly repository: string;
}

export interface BuiltImage {
  readonly image: Image;
  readonly archive: string;
  readonly sbom: string;
}

/**
 * Writes for each image OUTPUT/gander-NAME.tar and its SBOM gander-NAME.cdx.json, and all layers as
 * folders below OUTPUT/layers, for the Containerfile.
 */
export async function buildImages(options: BuildOptions): Promise<readonly BuiltImage[]> {
  const { cache, output } = options;
  await rm(join(output, "layers"), { recursive: true, force: true });
  const debs = await findDebs(join(cache, "image/debs"));
  const base = await stage(output, "base", (to) => stageBaseLayer(to, debs));
  const node = await stage(output, "node", stageNodeLayer);
  const layers = [
    await packLayer(base, "Debian 13: C and C++ library"),
    await packLayer(node, `Node ${process.version}`),
  ];
  const parts = [...(await debianParts(debs)), await nodePart()];
  const built: BuiltImage[] = [];
  for (const plan of IMAGES) built.push(await buildImage(options, plan, { layers, parts }));
  return built;
}

interface Lower {
  readonly layers: readonly Layer[];
  readonly parts: readonly Part[];
}

async function buildImage(
  { root, cache, output, repository }: BuildOptions,
  plan: ImagePlan,
  lower: Lower,
): Promise<BuiltImage> {
  const { version } = manifest;
  const own: Part[] = [];
  const program = await stage(output, plan.name, async (to) => {
    own.push(...npmParts(root, await stageProgramLayer(to, root, plan.program)));
    if (plan.isNative) own.push(...(await linkedParts(join(cache, "src"))));
    const texts = join(to, "usr/share/doc/gander/third-party-licenses.txt");
    await writeFile(texts, await licenseTexts(own));
  });
  const image = createImage({
    name: `${repository}/${plan.name}:${version}`,
    run: { ...plan.run, ...commonConfig(plan) },
    layers: [...lower.layers, await packLayer(program, `Gander ${version}: ${plan.name}`)],
  });
  const archive = join(output, `gander-${plan.name}.tar`);
  await writeArchive(archive, image);
  const sbom = join(output, `gander-${plan.name}.cdx.json`);
  const parts = [...lower.parts, ...own];
  await writeFile(sbom, `${JSON.stringify(createSbom({ image, version, parts }), null, 2)}\n`);
  return { image, archive, sbom };
}

function commonConfig({ title }: ImagePlan) {
  return {
    Env: ["PATH=/usr/local/bin"],
    Labels: {
      "org.opencontainers.image.title": title,
      "org.opencontainers.image.version": manifest.version,
      "org.opencontainers.image.licenses": "Apache-2.0",
    },
  };
}

/** Has the folder of a layer filled, and gives its path. */
async function stage(
  output: string,
  name: string,
  fill: (directory: string) => Promise<unknown>,
): Promise<string> {
  const directory = join(output, "layers", name);
  await mkdir(directory, { recursive: true });
  await fill(directory);
  await setModes(directory);
  return directory;
}

/** Modes as packages have them, whatever the umask was when the tree was checked out or built. */
async function setModes(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    await chmod(path, entry.isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}
