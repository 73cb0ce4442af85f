// SPDX-License-Identifier: Apache-2.0
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

export interface TarEntry {
  /** Relative, without `./` and without a slash at the end. */
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  readonly content: Buffer | "directory" | { readonly link: string };
}

/** A tar of these entries in this order. Owner, group and times are 0, so the same entries give the same bytes. */
export async function writeTar(entries: Iterable<TarEntry>): Promise<Buffer> {
  const tar = pack();
  const done = buffer(tar);
  for (const entry of entries) await add(tar, entry);
  tar.finalize();
  return done;
}

function add(tar: ReturnType<typeof pack>, { name, mode, content }: TarEntry): Promise<void> {
  const common = { name, mode, uid: 0, gid: 0, mtime: new Date(0) };
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content === "directory") tar.entry({ ...common, type: "directory" }, done);
    else if (Buffer.isBuffer(content)) tar.entry({ ...common, type: "file" }, content, done);
    else tar.entry({ ...common, type: "symlink", linkname: content.link }, done);
  });
}
