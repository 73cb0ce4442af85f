// SPDX-License-Identifier: Apache-2.0

type Row = {
  /** The fields of `spec` that list such hooks; none: a field of its own asks for it. */
  readonly sections: readonly string[];
  /** For people. */
  readonly says: string;
  /** The fields that name what is hooked. */
  readonly named: string;
  /** What `index` of an argument counts. */
  readonly counts: string;
  /** What a kernel needs for it, besides what a sensor needs. */
  readonly needs?: string;
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
    named: "`call`: a function, or `sys_NAME` for a system call",
    counts: "the function's parameters, from 0 to 5",
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
    named: "`hook`: a name such as `file_open`",
    counts: "the hook's parameters, from 0 to 5",
    needs: "`bpf` among the active security modules (`/sys/kernel/security/lsm`)",
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
    named: "`subsystem` and `event`; with `raw: true` before the kernel writes a record",
    counts:
      "the fields in the format file, including the four `common_…`; with `raw: true` the tracepoint's own parameters",
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
    named: "`path`, and `symbols`, `offsets` or `addrs`",
    counts: "the function's parameters, from 0 to 5",
    needs:
      "before Linux 6.6 the capability SYS_ADMIN, where `kernel.perf_event_paranoid` is 3 or more",
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
    named: "`path`, `provider` and `name`",
    counts: "the probe's arguments, from 0 to 11",
    needs:
      "before Linux 6.6 the capability SYS_ADMIN, where `kernel.perf_event_paranoid` is 3 or more",
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
    named: "`loader: true`",
    counts: "",
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
