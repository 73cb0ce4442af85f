// SPDX-License-Identifier: Apache-2.0
import type { LooseKProbe } from "../loose.ts";
import type { Scope } from "../scope.ts";

export const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_.$]{0,127}$/.test(text);

/** The function that an entry of kprobes names, and whether it is a system call. */
export function kprobeTarget(
  spec: LooseKProbe,
  scope: Scope,
): { readonly target: string; readonly syscall: boolean } {
  const call = spec.call ?? "";
  const syscall = spec.syscall ?? true;
  const place = scope.at("call");
  // `syscall` is true by default, so it is absent only if its value was refused.
  if (spec.call === undefined || spec.syscall === undefined) return { target: call, syscall };
  if (call.startsWith("list:")) {
    place.error(
      "policy-not-supported",
      "Lists of functions are not supported yet",
      "Write one entry of kprobes for each function.",
    );
    return { target: "", syscall };
  }
  if (!isName(call)) {
    place.error(
      "policy-bad-name",
      `"${call.slice(0, 80)}" cannot be the name of a function`,
      nameHint(call),
    );
    return { target: "", syscall };
  }
  const prefixed = /^__(x64|arm64|ia32|ia32_compat|arm64_compat)_(sys_\w+)$/.exec(call);
  if (!syscall) {
    if (call.startsWith("sys_"))
      place.warning(
        "policy-not-a-syscall",
        `"${call}" looks like a system call, but syscall is false`,
        "Remove `syscall: false`, unless it is a function of that very name.",
      );
    return { target: call, syscall };
  }
  if (prefixed?.[1] !== undefined && prefixed[1] !== "x64" && prefixed[1] !== "arm64") {
    place.error(
      "policy-not-supported",
      "System calls of 32-bit programs are not supported yet",
      `Write \`call: ${prefixed[2]}\` for those of 64-bit programs.`,
    );
  }
  if (prefixed?.[2] !== undefined) return { target: prefixed[2], syscall };
  if (!call.startsWith("sys_")) {
    place.error(
      "policy-not-a-syscall",
      `"${call}" is not a system call, but syscall is true, which is the default`,
      syscallHint(call),
    );
  }
  return { target: call, syscall };
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
