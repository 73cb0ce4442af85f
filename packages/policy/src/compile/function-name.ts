// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "../scope.ts";

/** Whether something in the kernel can have this name. */
export const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_.$]{0,127}$/.test(text);

/** The function that a policy names, as in a compiled policy. Undefined if it was refused. */
export function readFunction(call: string, syscall: boolean, place: Scope): string | undefined {
  if (!isName(call)) {
    place.error(
      "policy-bad-name",
      `"${call.slice(0, 80)}" cannot be the name of a function`,
      nameHint(call),
    );
    return undefined;
  }
  return syscall ? readSyscall(call, place) : readKernelFunction(call, place);
}

function readKernelFunction(call: string, place: Scope): string {
  if (call.startsWith("sys_"))
    place.warning(
      "policy-not-a-syscall",
      `"${call}" looks like a system call, but syscall is false`,
      "Remove `syscall: false`, unless it is a function of that very name.",
    );
  return call;
}

function readSyscall(call: string, place: Scope): string | undefined {
  const [, abi, name] = /^__(x64|arm64|ia32|ia32_compat|arm64_compat)_(sys_\w+)$/.exec(call) ?? [];
  if (abi !== undefined && abi !== "x64" && abi !== "arm64") {
    place.error(
      "policy-not-supported",
      "System calls of 32-bit programs are not supported yet",
      `Write \`call: ${name}\` for those of 64-bit programs.`,
    );
    return undefined;
  }
  if (name !== undefined || call.startsWith("sys_")) return name ?? call;
  place.error(
    "policy-not-a-syscall",
    `"${call}" is not a system call, but syscall is true, which is the default`,
    syscallHint(call),
  );
  return undefined;
}

function nameHint(call: string): string {
  if (call !== call.trim()) return "Remove the spaces around it.";
  if (/[+]/.test(call)) return "Offsets into a function are not possible; write its name only.";
  if (/\(/.test(call)) return "Write the name only, without brackets.";
  return "Write the name of a kernel function as in /proc/kallsyms, or sys_NAME for a system call.";
}

function syscallHint(call: string): string {
  const functions =
    /^(security_|tcp_|udp_|inet_|vfs_|do_|__|bpf_|ksys_|commit_|cap_|fd_|sk_|ip_|sock_|nf_|kernel_|ext4_)/;
  const add = "Add `syscall: false` for a kernel function";
  return functions.test(call)
    ? `${add}.`
    : `${add}, or write \`call: sys_${call}\` for the system call.`;
}
