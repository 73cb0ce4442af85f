// SPDX-License-Identifier: Apache-2.0
import type { HookPoint } from "@gander/policy";

/**
 * LSM hooks that are asked again and again about a file which stays open during the call: what was
 * found out of its path is worth remembering there (bpf/cache.bpf.h). Not at hooks that see a file
 * once, as file_open, nor at those that may see it while it is being freed.
 */
const hooks: ReadonlySet<string> = new Set([
  "file_permission",
  "mmap_file",
  "file_ioctl",
  "file_ioctl_compat",
  "file_lock",
  "file_fcntl",
]);

/** Whether the first argument there is a `struct file *` that is open and will be seen again. */
export function seesOpenFile({ kind, target }: Pick<HookPoint, "kind" | "target">): boolean {
  if (kind === "lsm") return hooks.has(target);
  return target.startsWith("security_") && hooks.has(target.replace("security_", ""));
}
