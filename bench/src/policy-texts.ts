// SPDX-License-Identifier: Apache-2.0
// Policies to measure, each in `count` variants that differ in name and values.

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
