// SPDX-License-Identifier: Apache-2.0
import { unlinkSync } from "node:fs";
import { constants } from "node:os";
import { argumentError, BpfError } from "./bpf-error.ts";
import { check } from "./handle.ts";
import { type NativeFd, native } from "./native.ts";

/** For maps, programs and links: each has a method for it. */
export function pinTo(fd: NativeFd, path: string, what: string): void {
  if (typeof path !== "string" || !path.startsWith("/"))
    throw argumentError(`Cannot pin ${what}: "${path}" is not an absolute path.`);
  const result = native().pin(fd, path);
  const hint =
    result === -constants.errno.EEXIST
      ? "Unpin what is there, or take another path."
      : "Its folder must exist, in a bpf file system (mount -t bpf bpf /sys/fs/bpf).";
  check(result, "pin", `Cannot pin ${what} to ${path}`, hint);
}

/** Removes a pin; its object ends with its last user. False if there was none. */
export function unpin(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return false;
    throw new BpfError((code ?? "EIO") as `E${string}`, `Cannot unpin ${path}: ${code}`, {
      operation: "unpin",
      cause,
    });
  }
}
