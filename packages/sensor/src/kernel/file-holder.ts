// SPDX-License-Identifier: Apache-2.0
import { BpfError, HeldFile, type HoldOptions } from "@gander/libbpf";

export type FileHolder = {
  /** The file at a path below the root; undefined: its file system does not answer. @throws BpfError */
  hold(path: string): Promise<HeldFile | undefined>;
};

/** The root of the host, even for a sensor in a container. */
export const hostRoot = "/proc/1/root";
export const unanswered = "its file system does not answer";

export function createFileHolder(
  root: string,
  options: Pick<HoldOptions, "links"> = {},
): FileHolder {
  return {
    async hold(path) {
      try {
        return await HeldFile.hold(root, path, options);
      } catch (error) {
        if (error instanceof BpfError && error.code === "ETIMEDOUT") return undefined;
        throw error;
      }
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
