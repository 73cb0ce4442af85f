// SPDX-License-Identifier: Apache-2.0
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { LineSink } from "./chunk-writer.ts";

export type FileSinkOptions = {
  readonly path: string;
  readonly maxBytes: number;
  /** The longest time to write to one file; 0: no limit. */
  readonly maxAgeMs: number;
  readonly maxBackups: number;
  readonly compress: boolean;
  /** Permissions, such as 0o600. */
  readonly mode: number;
  readonly now?: () => number;
  /** Old files could not be compressed or removed; writing continues. */
  readonly onHousekeepingError: (error: unknown) => void;
};

export type FileSink = LineSink & {
  /** Opens the file now, so that it exists and errors show at once. */
  open(): Promise<void>;
  /** The next chunk starts a new file, even if another process has moved the file away. */
  rotate(): void;
  /** Resolves when old files are compressed and surplus ones removed. */
  housekeepingDone(): Promise<void>;
};

/**
 * A file that is renamed to NAME-TIME.EXT when it is too large or too old. Lines are never split over two
 * files, and no file is larger than `maxBytes` unless a single chunk is.
 */
export function createFileSink(options: FileSinkOptions): FileSink {
  const { path, now = Date.now } = options;
  let file: FileHandle | undefined;
  let size = 0;
  let openedAt = 0;
  let wanted = false;
  let housekeeping: Promise<void> = Promise.resolve();

  const openFile = async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const opened = await open(path, "a+", options.mode);
    try {
      // Even if the file existed, with other permissions.
      await opened.chmod(options.mode);
      size = (await opened.stat()).size;
      if (size > 0) size += await completeLastLine(opened, size);
    } catch (error) {
      await opened.close();
      throw error;
    }
    openedAt = now();
    file = opened;
  };

  const isDue = (length: number) => {
    const isOld = options.maxAgeMs > 0 && now() - openedAt >= options.maxAgeMs;
    return wanted || (size > 0 && (isOld || size + length > options.maxBytes));
  };

  const startNewFile = async () => {
    await file?.close();
    file = undefined;
    await putAside(path, now());
    wanted = false;
    housekeeping = housekeeping.then(() =>
      tidyBackups(options).catch((error: unknown) => options.onHousekeepingError(error)),
    );
  };

  return {
    async open() {
      if (file === undefined) await openFile();
    },
    rotate() {
      wanted = true;
    },
    housekeepingDone: () => housekeeping,
    async beforeChunk(length) {
      if (file === undefined) await openFile();
      if (isDue(length)) {
        await startNewFile();
        await openFile();
      }
    },
    async write(bytes, offset, length) {
      if (file === undefined) await openFile();
      const written = (await file?.write(bytes, offset, length))?.bytesWritten ?? 0;
      size += written;
      return written;
    },
    async close() {
      await file?.close();
      file = undefined;
      await housekeeping;
    },
  };
}

/** Leaves an empty file in place, and does nothing if the file was moved away. */
async function putAside(path: string, atMs: number): Promise<void> {
  try {
    if ((await stat(path)).size > 0) await rename(path, await backupName(path, atMs));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** A killed sensor may have left half a line: the next one must not be joined to it. */
async function completeLastLine(file: FileHandle, size: number): Promise<number> {
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  if (last[0] === 0x0a) return 0;
  return (await file.write("\n")).bytesWritten;
}

/** NAME-2026-11-20T08-30-00.123.EXT, with a number in the rare case that it exists. */
async function backupName(path: string, atMs: number): Promise<string> {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  const time = new Date(atMs).toISOString().slice(0, -1).replaceAll(":", "-");
  const taken = new Set(await readdir(dirname(path)));
  for (let number = 0; ; number++) {
    const name = `${stem}-${time}${number === 0 ? "" : `-${number}`}${extension}`;
    if (!taken.has(basename(name)) && !taken.has(`${basename(name)}.gz`)) return name;
  }
}

async function tidyBackups({ path, maxBackups, compress, mode }: FileSinkOptions): Promise<void> {
  const folder = dirname(path);
  const isBackup = backupPattern(path);
  const backups = (await readdir(folder)).filter((name) => isBackup.test(name)).sort(byTime);
  const surplus = backups.slice(0, Math.max(0, backups.length - maxBackups));
  for (const name of surplus) await rm(join(folder, name), { force: true });
  if (!compress) return;
  for (const name of backups.slice(surplus.length))
    if (!name.endsWith(".gz")) await compressFile(join(folder, name), mode);
}

function backupPattern(path: string): RegExp {
  const extension = extname(path);
  const stem = basename(path, extension);
  const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}(?:-\d+)?`;
  return new RegExp(`^${literal(stem)}-${time}${literal(extension)}(?:\\.gz)?$`);
}

/** Names of one stem sort by time; those of one moment by their number. */
function byTime(a: string, b: string): number {
  const key = (name: string) => /-(\d{4}-.{18}\d)(?:-(\d+))?/.exec(name);
  const [, timeA = "", numberA = "0"] = key(a) ?? [];
  const [, timeB = "", numberB = "0"] = key(b) ?? [];
  return timeA < timeB ? -1 : timeA > timeB ? 1 : Number(numberA) - Number(numberB);
}

async function compressFile(path: string, mode: number): Promise<void> {
  const unfinished = `${path}.gz.tmp`;
  try {
    await pipeline(
      createReadStream(path),
      createGzip(),
      createWriteStream(unfinished, { mode, flags: "w" }),
    );
    await rename(unfinished, `${path}.gz`);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await rm(path, { force: true });
}
