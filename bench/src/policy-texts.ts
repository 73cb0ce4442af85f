// SPDX-License-Identifier: Apache-2.0
// Policies to measure, each in `count` variants that differ in name and values.

import type { Call } from "./load.ts";

export type PolicyText = (name: string, variant: number) => string;

export function variants(text: PolicyText, count: number): string[] {
  return Array.from({ length: count }, (_, i) => text(`bench-${i}`, i));
}

/** Calls of security_file_permission with this mask, on files below `folder`. */
export function filePolicy(mask: 2 | 4, folder: PathOf, action: Action = "Post"): PolicyText {
  return (name, variant) =>
    policy(
      name,
      `kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - { index: 0, type: file }
    - { index: 1, type: int }
    selectors:
    - matchArgs:
      - { index: 0, operator: Prefix, values: ["${folder(variant)}"] }
      - { index: 1, operator: Equal, values: ["${mask}"] }
      matchActions:
      - action: ${action}`,
    );
}

/** Reads by a program that is never run. */
export const readerPolicy: PolicyText = (name, variant) =>
  policy(
    name,
    `kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - { index: 0, type: file }
    - { index: 1, type: int }
    selectors:
    - matchBinaries:
      - { operator: In, values: ["/nowhere/${variant}/program"] }
      matchArgs:
      - { index: 1, operator: Equal, values: ["${READ}"] }`,
  );

export const READ = 4;
export const WRITE = 2;

/** Connections to any address except loopback and a network of the variant. */
export function connectPolicy(action: Action): PolicyText {
  return (name, variant) =>
    policy(
      name,
      `kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - { index: 0, type: sock }
    selectors:
    - matchArgs:
      - { index: 0, operator: NotDAddr, values: ["127.0.0.1", "10.${variant}.0.0/16"] }
      matchActions:
      - action: ${action}`,
    );
}

/** Entries to a system call that is never made. */
export const syscallPolicy: PolicyText = (name, variant) =>
  policy(
    name,
    `tracepoints:
  - subsystem: raw_syscalls
    event: sys_enter
    raw: true
    args:
    - { index: 1, type: int64 }
    selectors:
    - matchArgs:
      - { index: 1, operator: Equal, values: ["${1000 + variant}"] }`,
  );

/** A policy on one function for files, with paths that don't exist. */
export function functionPolicy(call: string): PolicyText {
  return (name, variant) =>
    policy(
      name,
      `kprobes:
  - call: ${call}
    syscall: false
    args:
    - { index: 0, type: file }
    selectors:
    - matchArgs:
      - { index: 0, operator: Prefix, values: ["/nowhere/${variant}/"] }`,
    );
}

/** A filter of one kind, and a call that no variant of it matches. */
export type FilterPolicy = { readonly text: PolicyText; readonly call: Call };

/** Each on one hook: security_file_permission (reads) or tcp_connect. */
export const filterPolicies: Readonly<Record<string, FilterPolicy>> = {
  "path-equal": reads((i) => pathFilter("Equal", `/nowhere/${i}`), "pread-fresh"),
  "path-prefix": reads((i) => pathFilter("Prefix", `/nowhere/${i}/`), "pread-fresh"),
  "path-postfix": reads((i) => pathFilter("Postfix", `.nothing-${i}`), "pread-fresh"),
  "path-substring": reads((i) => pathFilter("SubString", `nothing-${i}`), "pread-fresh"),
  "path-expression": reads((i) => expression(`arg0.startsWith("/nowhere/${i}/")`), "pread-fresh"),
  "int-equal": reads((i) => numberFilter("Equal", 1000 + i)),
  "int-greater": reads((i) => numberFilter("GT", 1000 + i)),
  "int-range": reads((i) => numberFilter("InRange", `${1000 + 10 * i}:${1005 + 10 * i}`)),
  "int-mask": reads((i) => numberFilter("Mask", (i + 1) << 4)),
  "int-expression": reads((i) => expression(`arg1 > ${1000 + i}`)),
  binary: reads((i) => binaryFilter("In", `/nowhere/${i}/program`)),
  "binary-postfix": reads((i) => binaryFilter("Postfix", `/program-${i}`)),
  "binary-children": reads((i) => binaryFilter("In", `/nowhere/${i}/program`, true)),
  parent: reads((i) => section("matchParentBinaries", "In", `/nowhere/${i}/program`)),
  pid: reads((i) => section("matchPIDs", "In", 3_000_000 + i)),
  namespace: reads(
    (i) => `matchNamespaces: [{ namespace: Net, operator: In, values: ["${1 + i}"] }]`,
  ),
  capability: reads(
    (i) =>
      `matchCapabilities: [{ operator: NotIn, type: Effective, values: [${capabilities(i)}] }]`,
  ),
  process: asGuard(
    reads((i) => `matchProcess: [{ property: User, operator: In, values: ["${1000 + i}"] }]`),
  ),
  "peer-address": connects((i) => peerFilter("DAddr", `10.${i >> 8}.${i & 255}.0/24`)),
  "peer-not": connects((i) => peerFilter("NotDAddr", `127.0.0.1", "10.${i >> 8}.${i & 255}.0/24`)),
  "peer-port": connects((i) => peerFilter("DPort", 50_000 + i)),
  "peer-ports": connects((i) => peerFilter("DPort", `${20_000 + 10 * i}:${20_005 + 10 * i}`)),
};

const pathFilter = (operator: string, value: string) =>
  `matchArgs: [{ index: 0, operator: ${operator}, values: ["${value}"] }]`;
const numberFilter = (operator: string, value: string | number) =>
  `matchArgs: [{ index: 1, operator: ${operator}, values: ["${value}"] }]`;
const expression = (text: string) => `matchArgs: [{ operator: CelExpr, values: ['${text}'] }]`;
const section = (name: string, operator: string, value: string | number) =>
  `${name}: [{ operator: ${operator}, values: [${value}] }]`;
const binaryFilter = (operator: string, path: string, followChildren = false) =>
  `matchBinaries: [{ operator: ${operator}, values: ["${path}"], followChildren: ${followChildren} }]`;
const peerFilter = (operator: string, value: string | number) =>
  `matchArgs: [{ index: 0, operator: ${operator}, values: ["${value}"] }]`;

/** Different ones for each variant; root has them all. */
function capabilities(variant: number): string {
  const names = [
    "CHOWN",
    "KILL",
    "SETGID",
    "SETUID",
    "MKNOD",
    "SYS_TIME",
    "SYSLOG",
    "BPF",
    "NET_RAW",
    "SYS_BOOT",
  ];
  const chosen = names.filter((_, bit) => ((variant % 1023) + 1) & (1 << bit));
  return chosen.map((name) => `CAP_${name}`).join(", ");
}

function reads(selector: (variant: number) => string, call: Call = "pread"): FilterPolicy {
  const text: PolicyText = (name, variant) =>
    policy(
      name,
      `kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - { index: 0, type: file }
    - { index: 1, type: int }
    selectors:
    - ${selector(variant)}`,
    );
  return { text, call };
}

/** For sections that only this kind of policy has. */
function asGuard({ text, call }: FilterPolicy): FilterPolicy {
  return {
    text: (name, variant) =>
      text(name, variant)
        .replace("cilium.io/v1alpha1", "gander.dev/v1alpha1")
        .replace("kind: TracingPolicy", "kind: GuardPolicy"),
    call,
  };
}

function connects(selector: (variant: number) => string): FilterPolicy {
  const text: PolicyText = (name, variant) =>
    policy(
      name,
      `kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - { index: 0, type: sock }
    selectors:
    - ${selector(variant)}`,
    );
  return { text, call: "connect-tcp" };
}

type PathOf = (variant: number) => string;
type Action = "Post" | "Sigkill";

function policy(name: string, hooks: string): string {
  return `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: ${name}
spec:
  ${hooks}
`;
}
