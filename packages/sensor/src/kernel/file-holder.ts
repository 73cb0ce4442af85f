// SPDX-License-Identifier: Apache-2.0
import { BpfError, HeldFile } from "@gander/libbpf";

export type FileHolder = {
  /** The file at a path below the root; undefined: its file system does not answer. @throws BpfError */
  hold(path: string): Promise<HeldFile | undefined>;
};

/** The root of the host, even for a sensor in a container. */
export const hostRoot = "/proc/1/root";
/** How long a file system may take to answer. */
const patienceMs = 2_000;

export const unanswered = "its file system does not answer";

export function createFileHolder(root: string): FileHolder {
  const waiting = new Map<string, Promise<HeldFile>>();
  /** At most one thread waits for a path. */
  const begin = (path: string): Promise<HeldFile> => {
    const held = HeldFile.hold(root, path);
    waiting.set(path, held);
    const done = () => void waiting.delete(path);
    held.then(done, done);
    return held;
  };
  return {
    async hold(path) {
      if (waiting.has(path)) return undefined;
      const pending = begin(path);
      const file = await inTime(pending, patienceMs);
      if (file === undefined) pending.then((late) => late.close()).catch(() => {});
      return file;
    },
  };
}

/** Undefined: it takes too long. */
export async function inTime<T>(wanted: Promise<T>, limitMs: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, limitMs, undefined);
  try {
    return await Promise.race([wanted, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Why `hold` threw, for people. */
export function whyNotHeld(error: unknown): string {
  if (!(error instanceof BpfError)) return String(error);
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return "there is no such file";
  return error.code === "EINVAL" ? "it is not a regular file" : error.message;
}
