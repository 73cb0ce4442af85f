// SPDX-License-Identifier: Apache-2.0

/** Parameters of the kernel that tell what guards it; any other may hold a secret. */
const kernelParameters =
  /^(systemd\.unified_cgroup_hierarchy|cgroup_no_v1|lsm|security|selinux|apparmor|lockdown|ima\w*|mitigations|audit|sysctl\.kernel\.\w+)(=|$)/;

/** `/proc/cmdline` with the values of other parameters left out. */
export const redactKernelParameters = (line: string): string =>
  line
    .trim()
    .split(/\s+/)
    .map((one) => (kernelParameters.test(one) ? one : one.replace(/=.*/s, "=(left out)")))
    .join(" ");

/** Passwords in addresses, and what is named as a secret. */
export const redactText = (text: string): string =>
  text
    .replace(/(\w+:\/\/)[^\s/@"]*@/g, "$1(left out)@")
    .replace(
      /((?:password|passwd|token|secret|authorization|api[-_]?key)["']?\s*[=:]\s*)("[^"]*"|\S+)/gi,
      "$1(left out)",
    )
    .replace(/\bBearer\s+[\w.~+/=-]+/g, "Bearer (left out)")
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, "(left out)");
