// SPDX-License-Identifier: Apache-2.0
import type { HookKind } from "@gander/crd-schemas";

/**
 * LSM hooks that the kernel calls with the program which is about to run as their first argument (struct
 * linux_binprm), while its arguments are where execve copied them to: fs/exec.c.
 */
const hooks = [
  "bprm_creds_for_exec",
  "bprm_check_security",
  "bprm_creds_from_file",
  "bprm_committing_creds",
  "bprm_committed_creds",
] as const;

const functions: ReadonlySet<string> = new Set(
  hooks.map((hook) => `security_${hook.replace(/_security$/, "")}`),
);

/** Whether filters on arguments and variables of the new program are possible there. */
export function isExecHook(kind: HookKind, target: string): boolean {
  if (kind === "lsm") return hooks.some((hook) => hook === target);
  return kind === "kprobe" && functions.has(target);
}
