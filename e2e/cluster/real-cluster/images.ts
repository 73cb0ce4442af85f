// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createImage, packLayer, writeArchive } from "@gander/image/oci";

const root = join(import.meta.dirname, "../../..");
const built = join(root, "build/cluster");

/** The image that pods of tests run: a shell with its commands. Other clusters pull the public one of this name. */
export const busyboxImage = "docker.io/library/busybox:1.37";
/** What keeps the namespaces of a pod; containerd.toml names it. */
const pauseImage = "localhost/pause:test";

/** OCI archives of all images that nodes have: Gander's by `make image`, and those built here. */
export async function imageArchives(): Promise<readonly string[]> {
  const gander = globSync(join(root, "build/image/*.tar")).sort();
  if (gander.length === 0) throw new Error("There are no images in build/image: run make image");
  const own = ["pause.tar", "busybox.tar"].map((name) => join(built, name));
  if (!own.every((path) => existsSync(path))) await buildImages();
  return [...own, ...gander];
}

/** Both have the static busybox that virtual machines boot with. */
async function buildImages(): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "gander-images-"));
  try {
    const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
    for (const folder of ["bin", "etc", "tmp", "root", "proc", "sys", "dev"])
      await mkdir(join(work, "root", folder), { recursive: true });
    await copyFile(busybox, join(work, "root/bin/busybox"));
    const list = execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n");
    for (const name of list.filter((one) => one !== "busybox"))
      await symlink("busybox", join(work, "root/bin", name));
    await writeFile(join(work, "root/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    await writeFile(join(work, "root/etc/group"), "root:x:0:\n");
    await writeFile(join(work, "root/etc/bar"), "precious\n");
    await mkdir(built, { recursive: true });
    const layers = [await packLayer(join(work, "root"), "busybox")];
    const write = async (file: string, name: string, command: readonly string[]) => {
      const run = { Cmd: command, Env: ["PATH=/bin"] };
      const unfinished = join(built, `${file}.${process.pid}.tmp`);
      await writeArchive(unfinished, createImage({ name, run, layers }));
      await rename(unfinished, join(built, file));
    };
    await write("busybox.tar", busyboxImage, ["sh"]);
    await write("pause.tar", pauseImage, ["sleep", "infinity"]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
