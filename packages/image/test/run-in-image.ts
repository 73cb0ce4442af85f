// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

interface Descriptor {
  readonly digest: string;
}

interface Config {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
}

/** An archive, unpacked as a container runtime does. */
export interface UnpackedImage {
  /** The file system. */
  readonly root: string;
  readonly config: Config;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Unpacks an archive into `directory`, by tar alone. */
export function unpackImage(archive: string, directory: string): UnpackedImage {
  const root = join(directory, "root");
  mkdirSync(root, { recursive: true });
  const read = (name: string) =>
    execFileSync("tar", ["-xOf", archive, name], { maxBuffer: 200 * 1024 * 1024 });
  const blob = ({ digest }: Descriptor) => read(`blobs/${digest.replace(":", "/")}`);
  const index = JSON.parse(read("index.json").toString());
  const manifest = JSON.parse(blob(index.manifests[0]).toString());
  for (const layer of manifest.layers)
    execFileSync("tar", ["-xz", "-p", "-C", root], { input: blob(layer) });
  return { root, config: JSON.parse(blob(manifest.config).toString()).config };
}

// Bound over itself, because only a mount can be made read-only.
const ENTER = `set -e
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
exec chroot "$0" "$@"`;

/** Whether file systems are read-only in `runInImage`; containers often forbid namespaces even to root. */
export const isIsolated =
  spawnSync("unshare", ["--user", "--map-root-user", "--mount", "true"]).status === 0;

/**
 * Runs a command in an image as a pod of the chart does: as its user, with its environment and nothing
 * else, on a read-only file system. Without user namespaces root does it, and the file system is writable.
 */
export function runInImage(
  { root, config }: UnpackedImage,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Outcome {
  const [user = "", group = ""] = config.User.split(":");
  const identity = [`--map-user=${user}`, `--map-group=${group}`, "--keep-caps"];
  const [program = "", ...args] = isIsolated
    ? ["unshare", "--user", "--mount", ...identity, "sh", "-c", ENTER, root, ...command]
    : ["chroot", `--userspec=${config.User}`, root, ...command];
  const inside = Object.fromEntries(config.Env.map((one) => one.split("=", 2)));
  // The tools that enter are this machine's, the command is the image's.
  const PATH = `${process.env.PATH}:${inside.PATH}`;
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...{ env: { ...inside, ...env, PATH }, encoding: "utf8", timeout: 60_000 },
  });
  return { status, stdout, stderr };
}
