// SPDX-License-Identifier: Apache-2.0
import { BpfError } from "./bpf-error.ts";
import { checked, Handle } from "./handle.ts";
import { type FileRefusal, type NativeHeldFile, native } from "./native.ts";

export type HoldOptions = {
  /**
   * `all` are followed wherever they lead; default. `own`: a link of another user than root leads to that user's
   * files only, and in a folder of such a user a further name (hard link) of a file is that user's, too.
   */
  readonly links?: "all" | "own";
  /** How long a file system may take to answer. Default: 2 s. */
  readonly patienceMs?: number;
};

/**
 * A regular file that is held without being open (O_PATH): it can be neither read nor written by this,
 * and until it is closed no other file is given its inode number.
 */
export class HeldFile implements Disposable {
  /** Another file has another one, and so has this file after its content was changed. */
  readonly version: string;
  /** Of the file itself when it was found, without links; from the root of its mounts, not from `root`. */
  readonly path: string;
  readonly #handle: Handle;

  private constructor({ fd, version, path }: NativeHeldFile) {
    this.version = version;
    this.path = path;
    this.#handle = new Handle(fd, `file ${path}`);
  }

  /**
   * Looks `path` up below `root`, which no link and no `..` leaves. Links of /proc that lead to somebody's files
   * are not followed.
   * @throws BpfError ENOENT, EINVAL (it is no regular file), ETIMEDOUT (its file system does not answer), EXDEV
   * (a link leads to a file of another user; the message says so) …
   */
  static async hold(
    root: string,
    path: string,
    { links = "all", patienceMs = 2_000 }: HoldOptions = {},
  ): Promise<HeldFile> {
    const found = checked(
      await native().fileHold(root, path, links === "own", patienceMs),
      "hold",
      `Cannot find ${path}`,
    );
    if (found.refusal === undefined) return new HeldFile(found);
    throw new BpfError("EXDEV", refusalText(found.refusal), { operation: "hold" });
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

/** native/walk.h: it may be from anyone. */
const anyone = 0xffffffff;

function refusalText({ isLink, user, owner, by, file }: FileRefusal): string {
  const of = userText(owner);
  if (!isLink)
    return `${file} is a further name (hard link) of a file of ${of}, in a folder ${user === anyone ? "where anyone can write" : `of ${userText(user)}`}`;
  const whose = user === anyone ? "may have been made by anyone" : `belongs to ${userText(user)}`;
  return `the link ${by} ${whose} and leads to ${file}, a file of ${of}`;
}

const userText = (user: number) => (user === 0 ? "root" : `user ${user}`);
