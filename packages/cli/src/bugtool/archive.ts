// SPDX-License-Identifier: Apache-2.0
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";

/** The most of one file that goes into an archive. */
const mostBytes = 4 * 1024 * 1024;

/** Writes a new gzipped tar file that only its owner reads. @throws Error, also if there is such a file. */
export async function writeArchive(
  path: string,
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const tar = pack();
  const written = pipeline(
    tar,
    createGzip(),
    createWriteStream(path, { mode: 0o600, flags: "wx" }),
  );
  for (const [name, text] of files) {
    const bytes = Buffer.from(text);
    const cut = bytes.length > mostBytes;
    const content = cut
      ? Buffer.concat([Buffer.from("(the beginning is left out)\n"), bytes.subarray(-mostBytes)])
      : bytes;
    tar.entry({ name: `${folder}/${name}`, mode: 0o600 }, content);
  }
  tar.finalize();
  await written;
}
