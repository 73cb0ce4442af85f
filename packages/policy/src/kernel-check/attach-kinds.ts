// SPDX-License-Identifier: Apache-2.0

/** A way to attach the hook program; each is a row of `attachKinds`. */
export type AttachKind = keyof typeof attachKinds;

export const attachKinds = {
  lsm: { says: "LSM program", denies: true, returns: "decision" },
  fmod_ret: { says: "fmod_ret program", denies: true, returns: "decision" },
  fentry: { says: "fentry program", denies: false, returns: "none" },
  fexit: { says: "fexit program", denies: false, returns: "actual" },
  kprobe: { says: "kprobe", denies: false, returns: "none" },
  kretprobe: { says: "kretprobe", denies: false, returns: "actual" },
  tracepoint: { says: "tracepoint", denies: false, returns: "none" },
  raw_tp: { says: "raw tracepoint", denies: false, returns: "none" },
} as const satisfies Record<string, AttachKindRow>;

type AttachKindRow = {
  /** For people. */
  readonly says: string;
  /** Whether the program's return value can deny the call. */
  readonly denies: boolean;
  /** decision: the program's own; actual: what the function returned. */
  readonly returns: "decision" | "actual" | "none";
};

/** One place in the kernel with one program: all policies there share it. */
export type HookPoint = {
  readonly kind: AttachKind;
  /** Function, LSM hook, `subsystem/event`, or raw tracepoint. */
  readonly target: string;
  /** The function is a system call's wrapper: arguments are in a struct pt_regs. */
  readonly syscall: boolean;
};

/** Also the name of its pin. */
export function hookPointKey({ kind, target }: HookPoint): string {
  return `${kind}:${target.replace("/", ":")}`;
}

/** E.g. `LSM program on file_permission`. */
export function describeHookPoint({ kind, target }: HookPoint): string {
  return `${attachKinds[kind].says} on ${target}`;
}
