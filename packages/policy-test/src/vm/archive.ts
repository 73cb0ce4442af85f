// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from "node:fs";

/** What a kernel unpacks into its first file system. */
export type Archive = Disposable & {
  /** `mode` with the kind of file, as in `stat`. Folders have no content, links their target. */
  add(path: string, mode: number, content?: Uint8Array): void;
  /** Nothing comes behind it. */
  end(): void;
};

/**
 * Writes an archive in the format "newc" that belongs to root.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
 */
export function createArchive(file: string): Archive {
  const fd = openSync(file, "wx", 0o600);
  let inode = 0;
  const put = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  };
  const padded = (size: number) => put(new Uint8Array((4 - (size % 4)) % 4));
  const add: Archive["add"] = (path, mode, content = new Uint8Array()) => {
    const name = Buffer.from(`${path.replace(/^\//, "")}\0`);
    inode++;
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
    const head = `070701${fields.map((one) => one.toString(16).padStart(8, "0")).join("")}`;
    put(Buffer.concat([Buffer.from(head), name]));
    padded(head.length + name.length);
    put(content);
    padded(content.length);
  };
  return {
    add,
    end: () => add("TRAILER!!!", 0),
    [Symbol.dispose]: () => closeSync(fd),
  };
}
