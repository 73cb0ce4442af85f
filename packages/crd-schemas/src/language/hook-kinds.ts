// SPDX-License-Identifier: Apache-2.0

type Row = {
  /** The field of `spec` that lists such hooks. */
  readonly section: string;
  /** For people. */
  readonly says: string;
  /** It can report the function's return value, and read buffers that the call fills. */
  readonly returns: boolean;
  /** Its events carry stack traces. */
  readonly stacks: boolean;
  /** Its `index` is a field of a record, not an argument of a function. */
  readonly fields: boolean;
  /** The kind of its events (packages/proto/src/event/event-kinds.ts). */
  readonly event: string;
};

export const hookKinds = {
  kprobe: {
    section: "kprobes",
    says: "functions of the kernel",
    returns: true,
    stacks: true,
    fields: false,
    event: "process_kprobe",
  },
  lsm: {
    section: "lsmhooks",
    says: "hooks for Linux security modules",
    returns: false,
    stacks: false,
    fields: false,
    event: "process_lsm",
  },
  tracepoint: {
    section: "tracepoints",
    says: "tracepoints",
    returns: false,
    stacks: false,
    fields: true,
    event: "process_tracepoint",
  },
} as const satisfies Readonly<Record<string, Row>>;

type HookKinds = typeof hookKinds;

export type HookKind = keyof HookKinds;
/** The kinds of events that hooks create. */
export type HookEvent = HookKinds[HookKind]["event"];

export const hookKindNames = Object.keys(hookKinds) as readonly HookKind[];

/** Every section of `spec` that lists hooks, supported or not. */
export const hookSections = [
  ...hookKindNames.map((kind) => hookKinds[kind].section),
  ...(["uprobes", "usdts", "fentries"] as const),
];

export const isHookEvent = (name: string): name is HookEvent =>
  hookKindNames.some((kind) => hookKinds[kind].event === name);

/** Sections of `spec` in the language that nothing hooks yet: what to write instead. */
export const unsupportedSections = {
  uprobes: "Leave the section out; kprobes, lsmhooks and tracepoints are supported.",
  usdts: "Leave the section out; kprobes, lsmhooks and tracepoints are supported.",
  fentries:
    "Write the entries under kprobes with `syscall: false`: they are attached by BPF trampolines wherever the kernel can.",
  loader: "Hook security_mmap_file under kprobes for files that are mapped.",
  enforcers: "Use Override or Sigkill at a `security_…` function or an lsm hook.",
  lists: "Write one entry of kprobes for each function.",
} as const;
