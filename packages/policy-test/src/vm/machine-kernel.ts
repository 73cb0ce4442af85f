// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { release as ownRelease } from "node:os";
import { dirname, join } from "node:path";
import { GanderError } from "@gander/base";

export type MachineKernel = {
  readonly file: string;
  /** `6.12.48+deb13-amd64`. */
  readonly release: string;
  /** What must be loaded, in this order. */
  readonly modules: readonly Uint8Array[];
};

/**
 * With the overlay file system: containers of tests have a layer in memory over the machine's files.
 * `file`: empty for the kernel that runs here. `others`: modules that it may have, too. @throws GanderError if it, or a module of it, can't be read.
 */
export function readMachineKernel(file: string, others: readonly string[] = []): MachineKernel {
  const path = file === "" ? `/boot/vmlinuz-${ownRelease()}` : file;
  const release = releaseOf(readKernel(path, file === ""), path);
  const folder = modulesOf(path, release);
  const overlay = withNeeded("overlay", folder);
  const modules = [...overlay, ...others.flatMap((name) => withNeeded(name, folder))];
  if (overlay.length > 0 || textOf(join(folder, "modules.builtin")).includes("/overlay.ko"))
    return { file: path, release, modules };
  throw new GanderError(
    "client-bad-input",
    `Cannot start a virtual machine: the modules of kernel ${release} have no overlay file system (${folder})`,
    { hint: getKernel },
  );
}

/** A module behind those that it needs. Empty: there is none of that name, so it may be built in. */
function withNeeded(name: string, folder: string): readonly Uint8Array[] {
  const [file] = globSync(`kernel/**/${name.replaceAll("_", "[-_]")}.ko*`, { cwd: folder });
  if (file === undefined) return [];
  const module = unpacked(join(folder, file));
  const [, needed = ""] = /\0depends=([^\0]*)\0/.exec(Buffer.from(module).toString("latin1")) ?? [];
  const others = needed.split(",").filter((one) => one !== "");
  return [...others.flatMap((one) => withNeeded(one, folder)), module];
}

const getKernel =
  "From a package, on Debian without root: apt-get download linux-image-VERSION-amd64, then dpkg-deb -x linux-image-*.deb kernel, then --vm-kernel kernel/boot/vmlinuz-VERSION-amd64";

function readKernel(path: string, isOwn: boolean): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const what = isOwn ? "the kernel that runs here" : "the kernel";
    const hint =
      code === "EACCES"
        ? `Only root may read it here. Make a copy that you may read: sudo install -m 644 ${path} .  and give it with --vm-kernel.`
        : `Give the file of a kernel with --vm-kernel. ${getKernel}`;
    throw new GanderError(
      "client-bad-input",
      `Cannot start a virtual machine: ${what} can't be read from ${path} (${code})`,
      { hint, cause: error },
    );
  }
}

/** Source: Documentation/arch/x86/boot.rst, kernel_version. */
function releaseOf(kernel: Buffer, path: string): string {
  const isKernel = kernel.length > 0x1000 && kernel.toString("latin1", 0x202, 0x206) === "HdrS";
  const at = isKernel ? kernel.readUInt16LE(0x20e) + 0x200 : 0;
  const text = /^\S+/.exec(kernel.toString("latin1", at, at + 200))?.[0] ?? "";
  if (isKernel && /^\d/.test(text)) return text;
  throw new GanderError(
    "client-bad-input",
    `Cannot start a virtual machine: ${path} is no kernel for x86-64 (bzImage)`,
    { hint: "Give the file that is named vmlinuz in packages of kernels." },
  );
}

/** As packages have them, installed or unpacked somewhere. */
function modulesOf(kernel: string, release: string): string {
  const folder = dirname(kernel);
  const candidates = [
    join(folder, "modules"),
    join(folder, "../lib/modules", release),
    join(folder, "../usr/lib/modules", release),
    join("/lib/modules", release),
  ];
  const found = candidates.find((path) => existsSync(join(path, "kernel")));
  if (found === undefined)
    throw new GanderError(
      "client-bad-input",
      `Cannot start a virtual machine: there are no modules of kernel ${release} in ${candidates.join(", ")}`,
      { hint: "They come in the package of the kernel: unpack it as a whole." },
    );
  return found;
}

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");

const unpackers: Readonly<Record<string, string>> = { xz: "xz", zst: "zstd", gz: "gzip" };

function unpacked(path: string): Uint8Array {
  const program = unpackers[path.split(".").at(-1) ?? ""];
  if (program === undefined) return readFileSync(path);
  const { status, stdout, error } = spawnSync(program, ["-dc", path], { maxBuffer: 1 << 28 });
  if (status === 0) return stdout;
  throw new GanderError(
    "client-bad-input",
    `Cannot start a virtual machine: ${program} can't unpack ${path}`,
    { hint: `Install ${program}.`, cause: error },
  );
}
