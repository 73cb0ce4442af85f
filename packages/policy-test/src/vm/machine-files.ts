// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Archive } from "./archive.ts";

const { S_IFDIR, S_IFREG, S_IFLNK } = constants;

/** Copies of files of this machine, at the same paths, in the file system of a virtual machine. */
export type MachineFiles = {
  /** A file, with the links that lead to it; of a program also its libraries. A folder without what is in it. */
  copy(path: string): void;
  /** A folder with all that is in it, but for what `isLeftOut` names. */
  copyFolder(path: string, isLeftOut: (name: string) => boolean): void;
  makeFolder(path: string, mode: number): void;
  write(path: string, content: string | Uint8Array, mode?: number): void;
  /** A copy of a file at another path. */
  place(from: string, path: string): void;
};

export function createMachineFiles(archive: Archive): MachineFiles {
  const added = new Set<string>();
  const add = (path: string, mode: number, content?: Uint8Array) => {
    if (added.has(path)) return;
    added.add(path);
    archive.add(path, mode, content);
  };
  const addFoldersAbove = (path: string) => {
    for (const folder of foldersAbove(path)) add(folder, S_IFDIR | 0o755);
  };
  const write: MachineFiles["write"] = (path, content, mode = 0o644) => {
    addFoldersAbove(path);
    add(path, S_IFREG | mode, typeof content === "string" ? Buffer.from(content) : content);
  };
  const addFile = (path: string, { mode }: Stats) => {
    add(path, S_IFREG | (mode & 0o7777), readFileSync(path));
    if (isProgram(path)) for (const library of librariesOf(path)) copy(library);
  };
  const copy = (path: string): void => {
    const parts = path.split("/").filter((part) => part !== "");
    for (let n = 1; n <= parts.length; n++) {
      const at = `/${parts.slice(0, n).join("/")}`;
      const found = lstatSync(at);
      if (found.isDirectory()) add(at, S_IFDIR | (found.mode & 0o7777));
      else if (found.isSymbolicLink()) {
        const target = readlinkSync(at);
        add(at, S_IFLNK | 0o777, Buffer.from(target));
        copy(join(resolve(dirname(at), target), ...parts.slice(n)));
        return;
      } else if (found.isFile() && !added.has(at)) addFile(at, found);
    }
  };
  return {
    copy,
    copyFolder(folder, isLeftOut) {
      copy(folder);
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
        if (!isLeftOut(entry.name)) copy(join(entry.parentPath, entry.name));
    },
    makeFolder(path, mode) {
      addFoldersAbove(path);
      add(path, S_IFDIR | mode);
    },
    write,
    place(from, path) {
      write(path, readFileSync(from), 0o755);
      for (const library of librariesOf(from)) copy(library);
    },
  };
}

function foldersAbove(path: string): readonly string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`);
}

function isProgram(path: string): boolean {
  const file = openSync(path, "r");
  const start = Buffer.alloc(4);
  readSync(file, start);
  closeSync(file);
  return start.toString("latin1") === "\x7fELF";
}

/** Of the C library. It lists what a program needs without starting it. */
const loaders = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"];

/** The loader, and the libraries that it would load. */
function librariesOf(program: string): readonly string[] {
  const loader = loaders.find(existsSync);
  if (loader === undefined) return [];
  const { status, stdout } = spawnSync(loader, ["--list", program], { encoding: "utf8" });
  if (status !== 0) return [];
  return [loader, ...[...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path)];
}
