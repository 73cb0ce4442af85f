// SPDX-License-Identifier: Apache-2.0
import { checked, Handle } from "./handle.ts";
import { native } from "./native.ts";

/**
 * A regular file that is held without being open (O_PATH): it can be neither read nor written by this,
 * and until it is closed no other file is given its inode number.
 */
export class HeldFile implements Disposable {
  readonly #handle: Handle;

  private constructor(handle: Handle) {
    this.#handle = handle;
  }

  /**
   * Looks `path` up below `root`, which no link and no `..` leaves (openat2(2), RESOLVE_IN_ROOT). Links of
   * /proc that lead to somebody's files are not followed. Takes as long as the file system does.
   * @throws BpfError ENOENT, EINVAL (it is no regular file) …
   */
  static async hold(root: string, path: string): Promise<HeldFile> {
    const fd = await native().fileHold(root, path);
    return new HeldFile(new Handle(checked(fd, "hold", `Cannot find ${path}`), `file ${path}`));
  }

  /** Of the descriptor. */
  get number(): number {
    return this.#handle.number;
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}
