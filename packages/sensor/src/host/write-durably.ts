// SPDX-License-Identifier: Apache-2.0
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a file hold these bytes: after a crash it holds them or what it held before, and when this is
 * done it holds them. Rejects with the system's error (ENOSPC, EROFS …); the file is then as it was.
 */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.new`;
  try {
    await writeAndSync(fresh, bytes);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

async function writeAndSync(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "w", 0o600);
  await file.writeFile(bytes);
  await file.sync();
}

/** A new name is on disk only with its folder. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
