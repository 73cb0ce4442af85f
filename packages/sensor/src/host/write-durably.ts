// SPDX-License-Identifier: Apache-2.0
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Gives a file these bytes: after a crash it has them or its previous content; once this resolves, it has
 * them. Rejects with the system's error (ENOSPC, EROFS …); the file is then unchanged.
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

/** A new name is on disk only once its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
