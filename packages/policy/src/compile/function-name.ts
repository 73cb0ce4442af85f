// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import { syscallNames, syscallNumber } from "../language/syscall-numbers.ts";
import type { Scope } from "../scope.ts";

/** Whether something in the kernel can have this name. */
export const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_.$]{0,127}$/.test(text);

/** Where a function is named, for hints. */
export type NamedIn = {
  /** A value of a list has no `syscall` of its own. */
  readonly list: boolean;
  /** Whether the policy has a list of that name, which was perhaps meant. */
  hasList(name: string): boolean;
};

/** The function that a policy names, as in a compiled policy. Undefined if it was refused. */
export function readFunction(
  call: string,
  syscall: boolean,
  place: Scope,
  where: NamedIn,
): string | undefined {
  if (!isName(call)) {
    place.error(
      "policy-bad-name",
      `"${call.slice(0, 80)}" cannot be the name of a function`,
      nameHint(call),
    );
    return undefined;
  }
  return syscall ? readSyscall(call, place, where) : readKernelFunction(call, place, where);
}

function readKernelFunction(call: string, place: Scope, { hasList }: NamedIn): string {
  if (call.startsWith("sys_"))
    place.warning(
      "policy-not-a-syscall",
      `"${call}" looks like a system call, but syscall is false`,
      "Remove `syscall: false`, unless it is a function of that very name.",
    );
  else if (hasList(call))
    place.warning(
      "policy-bad-name",
      `"${call}" is taken for a function of the kernel, but the policy has a list of that name`,
      `Write "list:${call}" for the functions of the list.`,
    );
  return call;
}

function readSyscall(call: string, place: Scope, where: NamedIn): string | undefined {
  const [, abi, name] = /^__(x64|arm64|ia32|ia32_compat|arm64_compat)_(sys_\w+)$/.exec(call) ?? [];
  if (abi === "arm64_compat") {
    place.error(
      "policy-bad-name",
      "System calls of 32-bit ARM programs do not exist on x86-64",
      `Write \`__ia32_${name}\` for those of 32-bit programs.`,
    );
    return undefined;
  }
  if (name !== undefined && abi?.startsWith("ia32") === true) return compatSyscall(name);
  if (name !== undefined || call.startsWith("sys_")) return name ?? call;
  place.error(
    "policy-not-a-syscall",
    where.list
      ? `"${call}" is not a system call, and the list has type syscalls`
      : `"${call}" is not a system call, but syscall is true, which is the default`,
    syscallHint(call, where),
  );
  return undefined;
}

function nameHint(call: string): string {
  if (call !== call.trim()) return "Remove the spaces around it.";
  if (/[+]/.test(call)) return "Offsets into a function are not possible; write its name only.";
  if (/\(/.test(call)) return "Write the name only, without brackets.";
  return "Write the name of a kernel function as in /proc/kallsyms, or sys_NAME for a system call.";
}

/** Names only what is accepted then. */
function syscallHint(call: string, { list, hasList }: NamedIn): string {
  if (!list && hasList(call)) return `Write "list:${call}" for the functions of the list.`;
  const name = syscallNamed(call);
  if (list) {
    const apart = "Put functions of the kernel into a list of their own, without `type`.";
    return name === undefined ? apart : `Write ${name}. ${apart}`;
  }
  const add = "Add `syscall: false` for a kernel function";
  return name === undefined ? `${add}.` : `${add}, or write \`call: ${name}\` for the system call.`;
}

/** The system call `sys_x` of 32-bit programs, as in a compiled policy. */
export const compatSyscall = (name: string): string => `__ia32_${name}`;

const functions =
  /^(security_|tcp_|udp_|inet_|vfs_|do_|__|bpf_|ksys_|commit_|cap_|fd_|sk_|ip_|sock_|nf_|kernel_|ext4_)/;

/** The system call that was probably meant: `sys_dup` for `dup`. */
export function syscallNamed(call: string): string | undefined {
  if (functions.test(call)) return undefined;
  const name =
    syscallNumber(call, "x64") === undefined ? nearestName(call, syscallNames("x64")) : call;
  return name && `sys_${name}`;
}
