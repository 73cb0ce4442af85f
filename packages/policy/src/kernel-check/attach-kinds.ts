// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { argumentsText, type ProbeArgument, type ProbeSite } from "../language/probe-argument.ts";

/** A way to attach the hook program; each is a row of `attachKinds`. */
export type AttachKind = keyof typeof attachKinds;

export const attachKinds = {
  lsm: { says: "LSM program", denies: true, returns: "decision" },
  fmod_ret: { says: "fmod_ret program", denies: true, returns: "decision" },
  fentry: { says: "fentry program", denies: false, returns: "none" },
  fexit: { says: "fexit program", denies: false, returns: "actual" },
  kprobe: { says: "kprobe", denies: false, returns: "none" },
  kretprobe: { says: "kretprobe", denies: false, returns: "actual" },
  kprobes: { says: "kprobes", denies: false, returns: "none" },
  tracepoint: { says: "tracepoint", denies: false, returns: "none" },
  uprobe: { says: "uprobe", denies: false, returns: "none" },
  uretprobe: { says: "uretprobe", denies: false, returns: "actual" },
  usdt: { says: "static probe", denies: false, returns: "none" },
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
  /** Function, LSM hook, `subsystem/event`, raw tracepoint, or `PATH:FUNCTION`. */
  readonly target: string;
  /** The function is a system call's wrapper: arguments are in a struct pt_regs. */
  readonly syscall: boolean;
  /** kprobes: all that the program is attached to; `target` is then the name of the list. */
  readonly functions?: readonly string[];
  /** The place that is hooked in the file of a program: that counts, not its name. */
  readonly file?: {
    readonly path: string;
    /** Identifies the file and its content. */
    readonly version: string;
    /** In bytes. */
    readonly offset: number;
    /** Where the file has a number that the kernel raises while the hook is attached. */
    readonly counter?: number;
  };
  /** usdt: the places in `file` that have the probe with its arguments in the same registers. */
  readonly probe?: {
    readonly places: readonly Pick<ProbeSite, "offset" | "counter">[];
    readonly args: readonly ProbeArgument[];
  };
};

/** Also the name of its pin. */
export function hookPointKey(point: HookPoint): string {
  const { kind, target, file, functions, syscall } = point;
  if (functions !== undefined)
    return `${kind}:${digestOf([syscall ? "syscalls" : "functions", ...functions])}`;
  if (file === undefined) return `${kind}:${target.replace("/", ":")}`;
  const name = file.path.replace(/^.*\//, "").replace(/[^\w-]/g, "_");
  return `${kind}:${name.slice(0, 64)}:${file.version}:${placeKey(file, point.probe)}`;
}

function placeKey(
  { offset, counter }: NonNullable<HookPoint["file"]>,
  probe: HookPoint["probe"],
): string {
  if (probe !== undefined) {
    const places = probe.places.map((place) => `${place.offset} ${place.counter}`);
    return digestOf([argumentsText(probe.args), ...places]);
  }
  return counter ? `${offset.toString(16)}_${counter.toString(16)}` : offset.toString(16);
}

const digestOf = (words: readonly string[]): string =>
  createHash("sha256").update(words.join("\n")).digest("hex").slice(0, 16);

/** E.g. `LSM program on file_permission`. */
export function describeHookPoint({ kind, target, functions }: HookPoint): string {
  if (functions !== undefined)
    return `${attachKinds[kind].says} on the ${functions.length} functions of ${target}`;
  return `${attachKinds[kind].says} on ${target}`;
}
