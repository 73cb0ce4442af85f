// SPDX-License-Identifier: Apache-2.0
import type { KprobeArgument } from "../messages.gen.ts";
import { type EventKind, eventKind } from "./event-kinds.ts";

/**
 * One event, as input of the encoders. It is reused for the next event and may point into a ring, so copy
 * what must outlive it.
 */
export type EventView<Process extends ProcessPart = ProcessPart> = {
  /** The number of its field in GetEventsResponse. */
  kind: EventKind;
  /** Since the epoch. */
  seconds: number;
  nanos: number;
  process: Process | undefined;
  /** The thread that caused it. */
  tid: number;
  parent: Process | undefined;
  /** From the parent's parent upwards; empty unless requested. */
  ancestors: readonly Process[];
  /** process_exit: name such as SIGKILL, empty if it exited by itself. */
  signal: string;
  status: number;
  /** The parts common to all events of a rule. */
  hook: HookPart | undefined;
  /** Only the first `argCount` are valid. */
  readonly args: EventArg[];
  argCount: number;
  /** How many of them, the last ones, aren't arguments of the call but other data; kprobes and uprobes only. */
  dataCount: number;
  readonly returned: EventArg;
  hasReturned: boolean;
  /** Numbers of KprobeAction. */
  action: number;
  returnAction: number;
  kernelStack: readonly StackEntry[];
  userStack: readonly StackEntry[];
  /** lsm: the hash of the file, as algorithm:hexadecimal digits; empty without one. */
  imaHash: string;
  /** rate_limit_info */
  dropped: number;
  /** policy_fuse */
  fuse: FuseNotice | undefined;
};

export type FuseNotice = {
  readonly policyName: string;
  readonly policyNamespace: string;
  /** Such as `5 pods in 1m`. */
  readonly fuse: string;
  readonly state: "blown" | "armed";
};

/** A process in encoded parts; the two fields between them change more often than the rest. */
export type ProcessPart = {
  readonly pid: number;
  readonly refcnt: number;
  /** Fields 1 to 12 of Process. */
  readonly protoHead: Uint8Array;
  /** Fields 14 and 15. */
  readonly protoMiddle: Uint8Array;
  /** Fields from 17 on. */
  readonly protoTail: Uint8Array;
};

export type HookPart = {
  /** kprobe, lsm: function_name; uprobe: symbol. */
  readonly functionName: string;
  /** tracepoint: subsys, event; usdt: provider, name. */
  readonly subsystem: string;
  readonly event: string;
  /** uprobe, usdt: the program; uprobe: and where in the file or behind the symbol. */
  readonly path: string;
  readonly offset: number;
  readonly policyName: string;
  readonly message: string;
  readonly tags: readonly string[];
};

export type StackEntry = {
  /** 0 unless addresses are shown. */
  readonly address: bigint;
  readonly offset: bigint;
  readonly symbol: string;
  readonly module: string;
};

/** Valid UTF-8 somewhere in a buffer. */
export type TextView = {
  bytes: Uint8Array;
  start: number;
  end: number;
  /** Only printable ASCII without `"` and `\`: can be copied into JSON unchanged. */
  plain: boolean;
};

/** Field numbers in KprobeArgument. */
export const argField = {
  /** Any other field: `message` has the whole argument. */
  message: 0,
  string: 1,
  int: 2,
  size: 4,
  bytes: 5,
  path: 6,
  file: 7,
  truncatedBytes: 8,
  sock: 9,
  long: 11,
  uint: 15,
  binprm: 26,
  sockaddr: 30,
  error: 32,
  sockaddrUn: 33,
} as const;
export type ArgField = (typeof argField)[keyof typeof argField];

/** One argument; `field` says which of the others are valid. */
export type EventArg = {
  field: ArgField;
  label: string;
  /** Integers as two unsigned halves. */
  low: number;
  high: number;
  /** string, bytes (may be any bytes), paths. */
  readonly text: TextView;
  /** Size of the buffer in the kernel. */
  originalSize: number;
  /** Paths: for example "unresolvedPathComponents". */
  flags: string;
  /** Paths: for example "-rwxr-xr-x". */
  permission: string;
  readonly sock: SockView;
  /** Rare types: without the label. */
  message: KprobeArgument;
  error: string;
};

export type SockView = {
  family: string;
  type: string;
  protocol: string;
  mark: number;
  priority: number;
  saddr: string;
  daddr: string;
  sport: number;
  dport: number;
  cookieLow: number;
  cookieHigh: number;
  state: string;
};

/** process_loader: the arguments of its hook, as the fields of the event; undefined: not known. */
export function loaderFields({ args, argCount }: EventView): {
  readonly path: TextView | undefined;
  readonly buildId: TextView | undefined;
} {
  const [file, buildId, size] = args;
  const hasPath = argCount > 0 && file?.field === argField.file && file.text.end > file.text.start;
  const hasId = argCount > 2 && buildId?.field === argField.bytes && size?.field === argField.uint;
  const start = hasId ? buildId.text.start : 0;
  const end = hasId ? Math.min(start + size.low, buildId.text.end) : 0;
  return {
    path: hasPath ? file.text : undefined,
    buildId: hasId && end > start ? { ...buildId.text, end } : undefined,
  };
}

export function createEventArg(): EventArg {
  return {
    field: argField.int,
    label: "",
    low: 0,
    high: 0,
    text: { bytes: new Uint8Array(), start: 0, end: 0, plain: true },
    originalSize: 0,
    flags: "",
    permission: "",
    sock: {
      family: "",
      type: "",
      protocol: "",
      mark: 0,
      priority: 0,
      saddr: "",
      daddr: "",
      sport: 0,
      dport: 0,
      cookieLow: 0,
      cookieHigh: 0,
      state: "",
    },
    message: {},
    error: "",
  };
}

export function createEventView<Process extends ProcessPart>(): EventView<Process> {
  return {
    kind: eventKind.exec,
    seconds: 0,
    nanos: 0,
    process: undefined,
    tid: 0,
    parent: undefined,
    ancestors: [],
    signal: "",
    status: 0,
    hook: undefined,
    args: [],
    argCount: 0,
    dataCount: 0,
    returned: createEventArg(),
    hasReturned: false,
    action: 0,
    returnAction: 0,
    kernelStack: [],
    userStack: [],
    imaHash: "",
    dropped: 0,
    fuse: undefined,
  };
}
