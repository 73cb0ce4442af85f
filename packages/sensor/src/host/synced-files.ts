// SPDX-License-Identifier: Apache-2.0
// Files that are on disk when the call returns. For what has to be there before the next step, which is a
// write to memory that nothing may come before; what can wait uses `write-durably.ts`.
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
 * Makes a file hold this text: after a crash it holds it or what it held before. `beforeRename` runs when
 * the text is on disk. The folder has to be synced afterwards. Throws the system's error.
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
 * Gives a file another name as well, which may be another file's; never is there a moment without one.
 * If there is no such file, nothing is done.
 */
export function keepSecondName(path: string, second: string): void {
  const fresh = `${second}.new`;
  rmSync(fresh, { force: true });
  if (!existsSync(path)) return;
  linkSync(path, fresh);
  renameSync(fresh, second);
}

/** A new name is on disk only with its folder. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The disk may refuse this as well: what matters is the error before. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It is written over by the next attempt.
  }
}
