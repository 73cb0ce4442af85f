// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";
import { originPlaces } from "@gander/policy";
import type { TestCase } from "../../policy-test.ts";
import {
  deviceNumber,
  devices,
  type FileSystemName,
  isFileSystem,
  magicNumbers,
  originIn,
} from "./file-systems.ts";
import { fileTypes } from "./file-types.ts";

/** What the model knows of a file. */
export type FileFacts = {
  readonly path: string;
  /** Its path inside its file system; undefined: not known. */
  readonly inside?: string | undefined;
  /** Its name in its folder. */
  readonly name: string;
  readonly magic: bigint;
  /** Type and rights; undefined: not known. */
  readonly mode?: number | undefined;
  readonly device?: bigint | undefined;
  readonly origin: number;
  /** Text, if the case gives it. */
  readonly text?: string | undefined;
};

type Made = { readonly mode: number; readonly device?: bigint; readonly text?: string };
type Mount = {
  readonly at: string;
  readonly type: FileSystemName;
  /** The path inside the file system that is mounted; undefined: not known. */
  readonly from: string | undefined;
};

const runtimeMounts: readonly Mount[] = [
  { at: "/", type: "overlay", from: "/" },
  { at: "/proc", type: "proc", from: "/" },
  { at: "/sys", type: "sysfs", from: "/" },
  { at: "/dev", type: "devtmpfs", from: "/" },
  { at: "/dev/shm", type: "tmpfs", from: "/" },
  { at: "/dev/pts", type: "devpts", from: "/" },
  { at: "/run", type: "tmpfs", from: "/" },
];

/** The image has the layout of Debian. */
const imageLinks: Readonly<Record<string, string>> = {
  "/bin": "/usr/bin",
  "/sbin": "/usr/sbin",
  "/lib": "/usr/lib",
  "/lib64": "/usr/lib64",
  "/var/run": "/run",
  "/var/lock": "/run/lock",
  "/usr/bin/sh": "/usr/bin/dash",
};

const imageFolders: ReadonlySet<string> = new Set([
  ...["/", "/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr", "/usr/bin"],
  ...["/usr/lib", "/usr/local", "/usr/sbin", "/usr/share", "/var", "/var/log", "/var/tmp"],
  ...["/proc", "/sys", "/dev", "/dev/shm", "/run"],
]);

/** Links that are followed before a path counts as one that leads in a circle. */
const mostLinks = 40;

/** The files of a case's container. Its image has every file that nothing else is said of. */
export class ContainerFiles {
  readonly #mounts: Mount[] = [...runtimeMounts];
  readonly #late: Mount[];
  readonly #made = new Map<string, Made>();
  readonly #links = new Map<string, string>(Object.entries(imageLinks));

  constructor({
    files,
    modes,
    volumes,
    mounts,
  }: Pick<TestCase, "files" | "modes" | "volumes" | "mounts">) {
    for (const [at, content] of Object.entries(volumes)) {
      this.#mounts.push({ at, type: "ext4", from: undefined });
      for (const [name, text] of Object.entries(content)) this.#write(posix.join(at, name), text);
    }
    for (const [path, text] of Object.entries(files)) this.#write(path, text);
    for (const [path, mode] of Object.entries(modes))
      this.#change(path, { mode: fileTypes.regular + Number.parseInt(mode, 8) });
    this.#late = Object.entries(mounts).map(([at, what]) => this.#mountOf(at, what));
  }

  /** What is mounted once the folders for it are there. */
  mountRest(): void {
    this.#mounts.push(...this.#late);
  }

  at(written: string): FileFacts {
    const path = this.resolve(written);
    const { at, type, from } = this.#mountAround(path);
    const inside = from === undefined ? undefined : under(from, path, at);
    const made = this.#made.get(path);
    const isImage = type === "overlay" && made === undefined;
    const device = type === "devtmpfs" && inside !== undefined ? devices[inside] : undefined;
    return {
      ...{ path, inside, text: made?.text, magic: magicNumbers[type] },
      name: posix.basename(inside === undefined || at !== path ? path : inside),
      origin: isImage ? originPlaces.image : originIn(type),
      ...(made === undefined && device !== undefined
        ? { mode: fileTypes[device[0]] + 0o600, device: deviceNumber(device[1], device[2]) }
        : {
            mode: made?.mode ?? this.#usualMode(path, type),
            device: type === "devtmpfs" ? made?.device : (made?.device ?? 0n),
          }),
    };
  }

  exists = (path: string): boolean => this.#made.has(this.resolve(path));

  /** With all links on the way. */
  resolve(written: string): string {
    let path = posix.normalize(written);
    for (let links = 0; links < mostLinks; links++) {
      const link = parts(path).find((part) => this.#links.has(part));
      if (link === undefined) return path;
      const target = posix.resolve(posix.dirname(link), this.#links.get(link) ?? "");
      path = posix.normalize(target + path.slice(link.length));
    }
    return path;
  }

  /** The name itself, whether or not it is a link. */
  nameOf(written: string): string {
    const { dir, base } = posix.parse(posix.normalize(written));
    return posix.join(this.resolve(dir), base);
  }

  make(path: string, made: Made): void {
    this.#made.set(this.nameOf(path), made);
  }

  link(path: string, target: string): void {
    this.#links.set(this.nameOf(path), target);
  }

  /** Its content, or its rights, are not the image's any more. */
  touch(path: string, change: Partial<Made> = {}): void {
    this.#change(this.resolve(path), change);
  }

  remove(path: string): void {
    this.#made.delete(this.nameOf(path));
    this.#links.delete(this.nameOf(path));
  }

  rename(from: string, to: string): void {
    const { mode = fileTypes.regular + 0o644, device, text } = this.at(from);
    this.remove(from);
    this.#made.set(this.nameOf(to), { mode, ...(device && { device }), ...(text && { text }) });
  }

  #write(path: string, text: string): void {
    for (const folder of parts(posix.dirname(path)))
      if (this.#mountAround(folder).type === "overlay" && !this.#made.has(folder))
        this.#made.set(folder, { mode: fileTypes.folder + 0o755 });
    this.#made.set(path, { mode: fileTypes.regular + 0o644, text });
  }

  #change(path: string, change: Partial<Made>): void {
    const { mode = fileTypes.regular + 0o644, text } = this.at(path);
    this.#made.set(path, { mode, ...(text === undefined ? {} : { text }), ...change });
  }

  #mountAround(path: string): Mount {
    const found = this.#mounts
      .filter(({ at }) => at === "/" || path === at || path.startsWith(`${at}/`))
      .toSorted((a, b) => a.at.length - b.at.length);
    return found.at(-1) ?? runtimeMounts[0] ?? { at: "/", type: "overlay", from: "/" };
  }

  /** A path of the node, or a kind of file systems. */
  #mountOf(at: string, what: string): Mount {
    if (!what.startsWith("/")) return { at, type: isFileSystem(what) ? what : "ext4", from: "/" };
    const source = runtimeMounts.findLast(
      (one) => one.at !== "/" && (what === one.at || what.startsWith(`${one.at}/`)),
    );
    if (source === undefined) return { at, type: "ext4", from: what };
    return { at, type: source.type, from: under("/", what, source.at) };
  }

  #usualMode(path: string, type: FileSystemName): number | undefined {
    if (imageFolders.has(path)) return fileTypes.folder + 0o755;
    if (type === "devtmpfs") return undefined;
    return fileTypes.regular + (type === "overlay" ? 0o755 : 0o644);
  }
}

const under = (from: string, path: string, at: string): string =>
  posix.join(from, at === "/" ? path : path.slice(at.length));

/** `/a/b` → `/a`, `/a/b` */
const parts = (path: string): readonly string[] =>
  path.split("/").flatMap((_, i, all) => (i === 0 ? [] : [all.slice(0, i + 1).join("/")]));
