// SPDX-License-Identifier: Apache-2.0
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";

/** A prepared socket: bind `temporaryPath`, then call `publish`. */
type PrivateSocket = {
  readonly temporaryPath: string;
  /** Moves the socket to its path, for its owner alone; replaces one without a listener. */
  publish(): void;
  /** Removes it, if it is still ours. */
  remove(): void;
};

/**
 * Prepares a unix socket that is never open to others, not even between bind and chmod: it is bound in a
 * directory of its own. Throws an Error if another process listens at `path`.
 */
export async function preparePrivateSocket(path: string): Promise<PrivateSocket> {
  if (await hasListener(path))
    throw new Error(`Cannot listen on ${path}: another process already listens there`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const folder = mkdtempSync(join(dirname(path), ".new-"));
  const temporaryPath = join(folder, "s");
  let inode: bigint | undefined;
  return {
    temporaryPath,
    publish() {
      chmodSync(temporaryPath, 0o600);
      inode = inodeOf(temporaryPath);
      renameSync(temporaryPath, path);
      rmSync(folder, { recursive: true, force: true });
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
      if (inode !== undefined && inodeOf(path) === inode) rmSync(path, { force: true });
    },
  };
}

function hasListener(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function inodeOf(path: string): bigint | undefined {
  try {
    return lstatSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}
