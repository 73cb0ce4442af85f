// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Complete lines that were added to files since they were read last. */
export interface NewLines {
  /** The same for one file, also after it was renamed. */
  readonly file: string;
  readonly bytes: Buffer;
}

/** Reads export files again and again, each byte once. */
export class LineFollower {
  readonly #offsets = new Map<string, number>();

  /** undefined: there is nothing in it yet to tell it apart by. */
  read(path: string): NewLines | undefined {
    const descriptor = openSync(path, "r");
    try {
      const { ino, size } = fstatSync(descriptor);
      // A number of a file that was deleted is used again; the first event tells files apart.
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
