// SPDX-License-Identifier: Apache-2.0

type Row = {
  /** The fields of `spec` that list such hooks; none: a field of its own asks for it. */
  readonly sections: readonly string[];
  /** For people. */
  readonly says: string;
  /** It can report the function's return value, and read buffers that the call fills. */
  readonly returns: boolean;
  /** It may have `data`: values that are no arguments of the call. */
  readonly data: boolean;
  /** Its events carry stack traces. */
  readonly stacks: boolean;
  /** Its `index` is a field of a record, not an argument of a function. */
  readonly fields: boolean;
  /** It hooks programs, not the kernel: its arguments point to the process's memory. */
  readonly ofProgram: boolean;
  /** The kind of its events (packages/proto/src/event/event-kinds.ts). */
  readonly event: string;
};

export const hookKinds = {
  kprobe: {
    // Which of BPF trampolines and probes observes a function is the kernel's affair, not the policy's.
    sections: ["kprobes", "fentries"],
    says: "functions of the kernel",
    returns: true,
    data: true,
    stacks: true,
    fields: false,
    ofProgram: false,
    event: "process_kprobe",
  },
  lsm: {
    sections: ["lsmhooks"],
    says: "hooks for Linux security modules",
    returns: false,
    data: false,
    stacks: false,
    fields: false,
    ofProgram: false,
    event: "process_lsm",
  },
  tracepoint: {
    sections: ["tracepoints"],
    says: "tracepoints",
    returns: false,
    data: false,
    stacks: false,
    fields: true,
    ofProgram: false,
    event: "process_tracepoint",
  },
  uprobe: {
    sections: ["uprobes"],
    says: "functions of programs",
    returns: true,
    data: true,
    stacks: false,
    fields: false,
    ofProgram: true,
    event: "process_uprobe",
  },
  usdt: {
    sections: ["usdts"],
    says: "static probes of programs",
    returns: false,
    data: false,
    stacks: false,
    fields: false,
    ofProgram: true,
    event: "process_usdt",
  },
  loader: {
    sections: [],
    says: "files that are mapped to be executed",
    returns: false,
    data: false,
    stacks: false,
    fields: false,
    ofProgram: false,
    event: "process_loader",
  },
} as const satisfies Readonly<Record<string, Row>>;

type HookKinds = typeof hookKinds;

export type HookKind = keyof HookKinds;
/** The kinds of events that hooks create. */
export type HookEvent = HookKinds[HookKind]["event"];

export const hookKindNames = Object.keys(hookKinds) as readonly HookKind[];

/** Every section of `spec` that lists hooks. */
export const hookSections = hookKindNames.flatMap((kind) => [...hookKinds[kind].sections]);

export const isHookEvent = (name: string): name is HookEvent =>
  hookKindNames.some((kind) => hookKinds[kind].event === name);
