// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { IMAGES, type ImagePlan } from "./images.ts";
import { stageBaseLayer } from "./layers/base-layer.ts";
import { stageNodeLayer } from "./layers/node-layer.ts";
import { stageProgramLayer } from "./layers/program-layer.ts";
import { createImage, type Image, type Layer, packLayer, writeArchive } from "./oci/index.ts";

export interface BuildOptions {
  /** Of the repository. */
  readonly root: string;
  /** Folder with the Debian packages of `scripts/setup image`. */
  readonly debs: string;
  /** Where archives and layers are written. */
  readonly output: string;
  /** What stands before `/sensor` and `/operator` in the names of the images. */
  readonly repository: string;
}

export interface BuiltImage {
  readonly image: Image;
  readonly archive: string;
}

/** Writes OUTPUT/gander-NAME.tar for each image, and its layers as folders, for the Containerfile. */
export async function buildImages(options: BuildOptions): Promise<readonly BuiltImage[]> {
  const { root, debs, output } = options;
  const layers = join(output, "layers");
  await rm(layers, { recursive: true, force: true });
  const stage = async (
    name: string,
    createdBy: string,
    fill: (directory: string) => Promise<unknown>,
  ) => {
    const directory = join(layers, name);
    await mkdir(directory, { recursive: true });
    await fill(directory);
    await setModes(directory);
    return packLayer(directory, createdBy);
  };
  const common = [
    await stage("base", "Debian 13: C and C++ library", (to) => stageBaseLayer(to, debs)),
    await stage("node", `Node ${process.version}`, stageNodeLayer),
  ];
  const built: BuiltImage[] = [];
  for (const plan of IMAGES) {
    const own = await stage(plan.name, `Gander ${manifest.version}: ${plan.name}`, (to) =>
      stageProgramLayer(to, root, plan.program),
    );
    built.push(await writeImage(options, plan, [...common, own]));
  }
  return built;
}

async function writeImage(
  { output, repository }: BuildOptions,
  plan: ImagePlan,
  layers: readonly Layer[],
): Promise<BuiltImage> {
  const image = createImage({
    name: `${repository}/${plan.name}:${manifest.version}`,
    run: {
      ...plan.run,
      Env: ["PATH=/usr/local/bin"],
      Labels: {
        "org.opencontainers.image.title": plan.title,
        "org.opencontainers.image.version": manifest.version,
        "org.opencontainers.image.licenses": "Apache-2.0",
      },
    },
    layers,
  });
  const archive = join(output, `gander-${plan.name}.tar`);
  await writeArchive(archive, image);
  return { image, archive };
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
