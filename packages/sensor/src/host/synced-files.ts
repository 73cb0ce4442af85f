// SPDX-License-Identifier: Apache-2.0
// Files that are on disk when the call returns. For files that must be there before the next step, a write to
// memory that nothing else may precede; for others use `write-durably.ts`.
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";

/**
 * Gives a file this text: after a crash it has that or its previous content. `beforeRename` runs when the
 * text is on disk. The folder must be synced afterwards. Throws the system's error.
 */
export function writeSynced(path: string, text: string, beforeRename: () => void): void {
  const fresh = `${path}.new`;
  try {
    const file = openSync(fresh, "w", 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    beforeRename();
    renameSync(fresh, path);
  } catch (error) {
    removeQuietly(fresh);
    throw error;
  }
}

/**
 * Also gives a file a second name, which may be another file's; that name exists at every moment. Does
 * nothing if there is no such file.
 */
export function keepSecondName(path: string, second: string): void {
  const fresh = `${second}.new`;
  rmSync(fresh, { force: true });
  if (!existsSync(path)) return;
  linkSync(path, fresh);
  renameSync(fresh, second);
}

/** A new name is on disk only once its folder is. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The disk may refuse this as well: the earlier error is the one that matters. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The next attempt overwrites it.
  }
}
