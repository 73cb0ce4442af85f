// SPDX-License-Identifier: Apache-2.0
import type { HookPoint } from "@gander/policy";

/**
 * LSM hooks that are called repeatedly for a file which stays open during the call: the findings about its
 * path are worth caching there (bpf/cache.bpf.h). Excluded are hooks that see a file once, like file_open,
 * and those that may see it while it is being freed.
 */
const hooks: ReadonlySet<string> = new Set([
  "file_permission",
  "mmap_file",
  "file_ioctl",
  "file_ioctl_compat",
  "file_lock",
  "file_fcntl",
]);

/** Whether the first argument there is an open `struct file *` that will be seen again. */
export function seesOpenFile({ kind, target }: Pick<HookPoint, "kind" | "target">): boolean {
  if (kind === "lsm") return hooks.has(target);
  return target.startsWith("security_") && hooks.has(target.replace("security_", ""));
}
