// SPDX-License-Identifier: Apache-2.0
import { argTypeNames, unsupportedArgTypeNames } from "./language/arg-types.ts";
import { languageLimits } from "./language-limits.ts";
import type { AdmissionRule, Rule, Static } from "./schema.ts";
import {
  bool,
  byDefault,
  list,
  notYet,
  object,
  oneOf,
  optional,
  required,
  text,
  uint32,
  uint64,
} from "./schema.ts";
import { selectorSchema } from "./selector-schema.ts";

const argSchema = object(
  "KProbeArg",
  "An argument that is read: filters may use it and events carry it.",
  {
    index: required(uint32("Position in the function, from 0.")),
    type: byDefault(
      "auto",
      oneOf("How it is read; auto: as follows from its C type in the kernel.", argTypeNames, {
        notYet: unsupportedArgTypeNames,
      }),
    ),
    resolve: byDefault(
      "",
      text("Path of members to follow from it, such as `f_path.dentry.d_name.name`."),
    ),
    sizeArgIndex: optional(uint32("Position of the argument with the size of a char_buf, from 1.")),
    returnCopy: byDefault(false, bool("Read the buffer when the function returns.")),
    maxData: byDefault(false, bool("Events have up to 327360 bytes of a buffer instead of 4096.")),
    label: optional(text("Name of the argument in the event.")),
    source: optional(text("Where `data` comes from: `current_task` or `pt_regs`.")),
    btfType: optional(text("Structure that it points to, whatever the kernel's types say.")),
    btfTypeModule: optional(text("Kernel module that has the structure.")),
  },
  [
    {
      cel: "!has(self.type) || self.type != 'char_buf' || (has(self.sizeArgIndex) && self.sizeArgIndex > 0) || (has(self.returnCopy) && self.returnCopy)",
      message: "a char_buf needs the argument that holds its size",
      hint: "Add `sizeArgIndex:`, which counts from 1: 3 is the argument with index 2.",
      at: "sizeArgIndex",
    },
  ],
);

/** In CEL, a field whose name is a reserved word is written `__return__`. */
const returnNeedsArg: Rule = {
  cel: "!has(self.__return__) || (!self.__return__ || has(self.returnArg))",
  holds: (self) => self.return !== true || self.returnArg !== undefined,
  at: "return",
  message: "return: true needs returnArg",
  hint: "Add `returnArg: { index: 0, type: int }`, or set `return: false`.",
};

/** For functions, lsm hooks and tracepoints; the rest are files, or texts with a slash or an offset. */
const name = "[A-Za-z_][A-Za-z0-9_.$]{0,127}";
const named = { admission: { pattern: `^${name}$` } };

const twoLetters = { admission: { minLength: 2 } } as const;
const bounded = { admission: { maxItems: languageLimits.args } } as const;

const tags = optional(list("Words that events carry.", text("Tag.", twoLetters), { maxItems: 16 }));
const message = optional(text("Text that events carry.", twoLetters));
const args = optional(list("Arguments to read.", argSchema, bounded));
const data = optional(list("Other data to read.", argSchema, bounded));
const selectors = optional(
  list("When to do what; the first selector that matches decides.", selectorSchema, {
    admission: { maxItems: languageLimits.selectors },
  }),
);

const noSelector = (condition: string): string =>
  `!has(self.selectors) || !self.selectors.exists(s, ${condition})`;

const waitsForReturn = noSelector(
  ["matchReturnArgs", "matchReturnActions"]
    .map((field) => `has(s.${field}) && size(s.${field}) > 0`)
    .join(" || "),
);

const returnIsAskedFor: AdmissionRule = {
  cel: `(has(self.__return__) && self.__return__) || ${waitsForReturn}`,
  message: "matchReturnArgs and matchReturnActions need the return value",
  hint: "Add `return: true` and `returnArg: {index: 0, type: int}` to the hook.",
  at: "selectors",
};

const noReturnHere: AdmissionRule = {
  cel: waitsForReturn,
  message: "this kind of hook reports no return value",
  hint: "matchReturnArgs and matchReturnActions are for kprobes; an lsm hook has its kprobe `security_…`.",
  at: "selectors",
};

export const kprobeSchema = object(
  "KProbeSpec",
  "A function of the kernel.",
  {
    call: required(
      text("Name of the function, or `sys_NAME` for a system call.", {
        admission: { pattern: `^(list:.+|${name})$` },
      }),
    ),
    return: byDefault(false, bool("Report when the function returns, with its return value.")),
    syscall: byDefault(true, bool("The function is a system call.")),
    message,
    args,
    data,
    returnArg: optional(argSchema),
    returnArgAction: optional(text("What is done with the returned socket.")),
    selectors,
    tags,
    ignore: optional(
      object("KprobeIgnore", "What may be missing.", {
        callNotFound: optional(bool("Leave this hook out where the kernel lacks the function.")),
      }),
    ),
  },
  [
    returnNeedsArg,
    returnIsAskedFor,
    {
      cel: `(has(self.syscall) && !self.syscall) || ${["sys_", "__", "list:"].map((start) => `self.call.startsWith('${start}')`).join(" || ")}`,
      message: "this is not a system call, but syscall is true, which is the default",
      hint: "Add `syscall: false` for a kernel function, or write `call: sys_NAME`.",
      at: "call",
    },
  ],
);

export const tracepointSchema = object(
  "TracepointSpec",
  "A tracepoint of the kernel.",
  {
    subsystem: required(text("Subsystem, e.g. `sched`.", named)),
    event: required(text("Event, e.g. `sched_process_exec`.", named)),
    message,
    args,
    selectors,
    tags,
    raw: optional(bool("Read the raw tracepoint; positions are those of its own arguments.")),
  },
  [
    noReturnHere,
    {
      cel: noSelector("has(s.matchActions) && s.matchActions.exists(a, a.action == 'Override')"),
      message: "Override is not possible at a tracepoint",
      hint: "Use an lsm hook or a kprobe on a `security_…` function.",
      at: "selectors",
    },
  ],
);

const targets: readonly (readonly [string, string])[] = [
  ["symbols", "addrs"],
  ["symbols", "offsets"],
  ["addrs", "offsets"],
];

export const uprobeSchema = object(
  "UProbeSpec",
  "A function of a program.",
  {
    path: required(text("Path of the program.")),
    btfPath: notYet(optional(text("File with type information."))),
    symbols: optional(list("Functions by name.", text("Function."))),
    offsets: optional(list("Functions by offset in the file.", uint64("Offset."))),
    addrs: optional(list("Functions by address.", uint64("Address."))),
    refCtrOffsets: optional(list("Offsets of reference counters.", uint64("Offset."))),
    message,
    selectors,
    args,
    data,
    tags,
    return: byDefault(false, bool("Report when the function returns, with its return value.")),
    returnArg: optional(argSchema),
    binaryDigests: optional(list("Digests, one of which the program must have.", text("Digest."))),
    ignore: optional(
      object("UprobeIgnore", "What may be wrong.", {
        digestVerificationFailure: optional(bool("Leave this hook out if no digest fits.")),
      }),
    ),
  },
  [
    {
      cel: targets.map(([a, b]) => `!(has(self.${a}) && has(self.${b}))`).join(" && "),
      holds: (self) => targets.every(([a, b]) => self[a] === undefined || self[b] === undefined),
      message: "symbols, offsets and addrs exclude each other",
      hint: "Keep one of them.",
    },
    returnNeedsArg,
    returnIsAskedFor,
  ],
);

export const usdtSchema = object(
  "UsdtSpec",
  "A static probe of a program.",
  {
    path: required(text("Path of the program.")),
    btfPath: notYet(optional(text("File with type information."))),
    provider: required(text("Provider of the probe.")),
    name: required(text("Name of the probe.")),
    tags,
    message,
    args,
    selectors,
  },
  [noReturnHere],
);

export const lsmHookSchema = object(
  "LsmHookSpec",
  "A hook for Linux security modules.",
  {
    hook: required(text("Name of the hook, e.g. `file_open`.", named)),
    message,
    args,
    selectors,
    tags,
  },
  [
    noReturnHere,
    {
      cel: "!self.hook.startsWith('security_') && !self.hook.startsWith('bpf_lsm_')",
      message: "this is the name of a function, not of an lsm hook",
      hint: "Leave out `security_` or `bpf_lsm_`: `hook: file_open`.",
      at: "hook",
    },
  ],
);

export type ArgSpec = Static<typeof argSchema>;
export type KProbeSpec = Static<typeof kprobeSchema>;
export type TracepointSpec = Static<typeof tracepointSchema>;
export type UprobeSpec = Static<typeof uprobeSchema>;
export type UsdtSpec = Static<typeof usdtSchema>;
export type LsmHookSpec = Static<typeof lsmHookSchema>;
