// SPDX-License-Identifier: Apache-2.0
// Policies unrelated to the attacked targets: they are added, changed and deleted.
import { plainPolicy } from "../tests/lib/plain-policy.ts";
import type { Random } from "./random.ts";

const named = (name: string, spec: string) =>
  `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: ${name}\nspec:\n${spec}`;

const file = (prefix: string) => `[{index: 0, operator: Prefix, values: ["${prefix}"]}]`;

/** A hook of each kind: some on functions that guards also use, some on functions of their own. */
const specs: readonly ((random: Random) => string)[] = [
  (random) => `  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{index: 0, type: file}, {index: 1, type: int}]
    selectors:
    - matchArgs: ${file(`/other/${random.below(1000)}`)}
      matchActions: [{action: Sigkill}]
  - call: tcp_connect
    syscall: false
    args: [{index: 0, type: sock}]
    selectors:
    - matchArgs: [{index: 0, operator: DAddr, values: ["192.0.2.${random.below(250)}"]}]
      matchActions: [{action: Sigkill}]
`,
  (random) => `  kprobes:
  - call: vfs_read
    syscall: false
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs: ${file(`/other/${random.below(1000)}`)}
`,
  (random) => `  kprobes:
  - call: security_file_open
    syscall: false
    return: true
    args: [{index: 0, type: file}]
    returnArg: {index: 0, type: int}
    selectors:
    - matchArgs: ${file(`/other/${random.below(1000)}`)}
`,
  (random) => `  kprobes:
  - call: sys_openat
    syscall: true
    args: [{index: 0, type: int}, {index: 1, type: string}]
    selectors:
    - matchArgs: [{index: 1, operator: Equal, values: ["/other/${random.below(1000)}"]}]
`,
  () => "  tracepoints:\n  - subsystem: syscalls\n    event: sys_enter_kill\n",
  (random) => `  lsmhooks:
  - hook: file_open
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs: ${file(`/other/${random.below(1000)}`)}
      matchActions: [{action: Override, argError: -1}]
`,
  (random) => `  kprobes:
  - call: security_path_unlink
    syscall: false
    args: [{index: 0, type: path}]
    selectors:
    - matchArgs: ${file(`/other/${random.below(1000)}`)}
      matchBinaries: [{operator: In, values: [/opt/other/${random.below(10)}], followChildren: true}]
      matchActions: [{action: Override, argError: -13}]
`,
  (random) => `  kprobes:
  - call: security_bprm_check
    syscall: false
    args: [{index: 0, type: linux_binprm}]
    selectors:
    - matchArgs: [{index: 0, operator: Prefix, values: ${JSON.stringify(
      Array.from({ length: 500 }, (_, i) => `/other/${random.below(1000)}/${i}/`),
    )}}]
      matchActions: [{action: Sigkill}]
`,
];

export const otherPolicy = (name: string, random: Random): string =>
  named(name, random.pick(specs)(random));

/** A policy with something to enforce: others have no mode to set. */
export function enforcingPolicy(name: string, random: Random): string {
  for (;;) {
    const text = otherPolicy(name, random);
    if (text.includes("matchActions")) return text;
  }
}

/** Reports each write below it. */
export const watchPolicy = plainPolicy({ name: "siege-watch", prefix: "/srv/open/watched" });
