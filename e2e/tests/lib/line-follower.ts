// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Complete lines that were added to files since the last read. */
export interface NewLines {
  /** Identifies the file, even after it was renamed. */
  readonly file: string;
  readonly bytes: Buffer;
}

/** Reads growing export files, each byte once. */
export class LineFollower {
  readonly #offsets = new Map<string, number>();

  /** undefined: the file is too short to be identified. */
  read(path: string): NewLines | undefined {
    const descriptor = openSync(path, "r");
    try {
      const { ino, size } = fstatSync(descriptor);
      // The inode number of a deleted file is reused; the first event tells files apart.
      const begin = Buffer.alloc(200);
      if (readSync(descriptor, begin, 0, begin.length, 0) < begin.length) return undefined;
      const file = `${ino} ${begin.toString("latin1")}`;
      const offset = this.#offsets.get(file) ?? 0;
      const added = Buffer.alloc(Math.max(0, size - offset));
      const read = readSync(descriptor, added, 0, added.length, offset);
      const bytes = added.subarray(0, added.subarray(0, read).lastIndexOf(10) + 1);
      this.#offsets.set(file, offset + bytes.length);
      return { file, bytes };
    } finally {
      closeSync(descriptor);
    }
  }
}
