// SPDX-License-Identifier: Apache-2.0

import { containerSelector, hostSelector, labelSelector } from "./label-selector.ts";
import { actionNames } from "./language/actions.ts";
import {
  argOperatorNames,
  existenceNames,
  guardOperatorNames,
  textOperatorNames,
} from "./language/arg-operators.ts";
import { processPropertyNames } from "./language/process-properties.ts";
import { languageLimits } from "./language-limits.ts";
import type { Static } from "./schema.ts";
import {
  bool,
  byDefault,
  inGuards,
  int32,
  int64,
  list,
  object,
  oneOf,
  optional,
  required,
  text,
  uint32,
  uint64,
} from "./schema.ts";

export const namespaceNames = [
  "Uts",
  "Ipc",
  "Mnt",
  "Pid",
  "PidForChildren",
  "Net",
  "Time",
  "TimeForChildren",
  "Cgroup",
  "User",
] as const;

/** Filters without values are refused. */
const some = { admission: { minItems: 1 } } as const;

const rare = { admission: { shapeOnly: true } } as const;

const inOrNot = oneOf("In: one of the values; NotIn: none of them.", ["In", "NotIn"]);

const paths = {
  operator: required(
    oneOf("How paths are compared.", [
      "In",
      "NotIn",
      "Prefix",
      "NotPrefix",
      "Postfix",
      "NotPostfix",
    ]),
  ),
  values: required(list("Paths, or the beginning or end of them.", text("Path."), some)),
  followChildren: byDefault(false, bool("Descendants match as well.")),
};

const followsWholePaths = {
  cel: "!has(self.followChildren) || !self.followChildren || self.operator in ['In', 'NotIn']",
  message: "followChildren compares whole paths",
  hint: "Use it with In or NotIn.",
  at: "followChildren",
};

const binarySelector = object(
  "BinarySelector",
  "Filter on the path of the running program.",
  {
    ...paths,
    identity: inGuards(
      byDefault("path", oneOf("file: the very file at the path.", ["path", "file"])),
    ),
    ancestors: inGuards(
      byDefault(false, bool("What the process and its ancestors have run before counts as well.")),
    ),
  },
  [followsWholePaths],
);

const parentBinarySelector = object(
  "ParentBinarySelector",
  "Filter on the path of the program of the parent.",
  {
    ...paths,
    ancestors: inGuards(byDefault(false, bool("All ancestors count, not only the parent."))),
  },
  [followsWholePaths],
);

const namespaceSelector = object("NamespaceSelector", "Filter on a namespace of the process.", {
  namespace: required(oneOf("Which namespace.", namespaceNames)),
  operator: required(inOrNot),
  values: required(list("Inode numbers, or `host_ns`.", text("Inode number or `host_ns`."), some)),
});

const namespaceChangesSelector = object(
  "NamespaceChangesSelector",
  "Filter on namespaces that differ from those at the process's last exec.",
  {
    operator: required(
      oneOf("In: one of these differs; NotIn: one of the others.", ["In", "NotIn"]),
    ),
    values: required(list("Kinds of namespaces.", text("Kind of namespace."), some)),
  },
);

const capabilitiesSelector = object(
  "CapabilitiesSelector",
  "Filter on capabilities of the process.",
  {
    type: byDefault("Effective", oneOf("Which set.", ["Effective", "Inheritable", "Permitted"])),
    operator: required(inOrNot),
    isNamespaceCapability: byDefault(
      false,
      bool("Only if the process is in a user namespace other than the host's."),
    ),
    values: required(list("Names as `CAP_SYS_ADMIN`.", text("Capability."), some)),
  },
);

const workloadsSelector = object(
  "WorkloadsSelector",
  "Filter on the workload that the process belongs to.",
  {
    podSelector: optional(labelSelector("Pods by label.")),
    containerSelector: optional(containerSelector("Containers by `name` or `repo`.")),
    hostSelector: optional(hostSelector),
  },
);

const pidSelector = object("PIDSelector", "Filter on the process id.", {
  operator: required(inOrNot),
  values: required(list("Process ids.", uint32("Process id."), some)),
  isNamespacePID: byDefault(false, bool("Ids are those of the process's own pid namespace.")),
  followForks: byDefault(false, bool("Descendants match as well.")),
});

const processSelector = object("ProcessSelector", "Filter on a property of the process.", {
  property: required(oneOf("Which property.", processPropertyNames)),
  operator: required(
    oneOf("In: one of the values; NotIn: none of them; LT, GT: less, more than the value.", [
      "In",
      "NotIn",
      "LT",
      "GT",
    ]),
  ),
  values: required(
    list(
      "`30s`, `5m`, `2h` (Age); `true` or `false` (Terminal, InInitTree); numbers or ranges of users and groups; types of files; origins.",
      text("Value."),
      some,
    ),
  ),
});

const execArgSelector = object(
  "ExecArgSelector",
  "Filter on an argument of the program that is about to run.",
  {
    index: optional(uint32("Position, 0 being the name; absent: any argument.")),
    operator: required(oneOf("How it is compared.", textOperatorNames)),
    values: required(
      list("Values; one that fits is enough (for Not…: none may fit).", text("Value."), some),
    ),
  },
);

const execEnvSelector = object(
  "ExecEnvSelector",
  "Filter on an environment variable of the program that is about to run.",
  {
    names: required(list("Names; a variable with one of them is tested.", text("Name."), some)),
    operator: required(
      oneOf("How its value is compared; Exists: it is set.", [
        ...textOperatorNames,
        ...existenceNames,
      ]),
    ),
    values: optional(
      list("Values; one that fits is enough (for Not…: none may fit).", text("Value.")),
    ),
  },
);

const countSelector = object(
  "CountSelector",
  "Matches from the call on that is one of so many in a time.",
  {
    atLeast: required(uint32("How many calls that pass all other filters, this one included.")),
    within: required(text("In which time: `10s`, `5m`, `1h`.")),
    per: byDefault("process", oneOf("Whose calls are counted together.", ["process", "container"])),
  },
);

const argSelector = object(
  "ArgSelector",
  "Filter on an argument.",
  {
    index: optional(uint32("Position of the argument in the function.")),
    args: optional(
      list(
        "Positions in the list `args` of the hook; comes before `index`. CapabilitiesGained has two: the set before, and the set after.",
        uint32("Position."),
      ),
    ),
    operator: required(
      oneOf("How it is compared.", argOperatorNames, { inGuards: guardOperatorNames }),
    ),
    values: optional(
      list("Values; one that fits is enough (for Not…: none may fit).", text("Value.")),
    ),
  },
  [
    {
      // The operators on privileged ports imply their values, and accept no others.
      cel: "self.operator.endsWith('Priv') != (has(self.values) && size(self.values) > 0) || self.operator == 'CapabilitiesGained'",
      message: "the operator and its values do not fit",
      hint: "Add `values:`; only CapabilitiesGained and operators on privileged ports need none.",
      at: "values",
    },
  ],
);

const targets = ["argNewSymbol", "argNewAddr", "argNewOffset"];

const actionSelector = object(
  "ActionSelector",
  "What is done when the filters hold.",
  {
    action: required(oneOf("Which action.", actionNames)),
    argUrl: optional(text("URL for GetUrl.")),
    argFqdn: optional(text("Name for DnsLookup.")),
    argError: optional(
      int32(
        "Override, NotifyEnforcer: what the call returns, a negative error number; at a function of a program, any number.",
      ),
    ),
    argSig: optional(uint32("Signal, NotifyEnforcer: the signal's number.")),
    argSock: optional(uint32("TrackSock, UntrackSock: index of the argument that is the socket.")),
    argIndex: optional(uint32("Set: index of the argument, in the memory of the process.")),
    argValue: optional(uint32("Set: what it becomes.")),
    argRegs: optional(
      list(
        "Override of a uprobe: what registers become, one after the other.",
        text("`rax=1`, `rdi=%rsi`, `rsp=8%rsp`, `rbp=(%rsp)`, `rip=8(%rsp)`."),
      ),
    ),
    argNewSymbol: optional(text("Override of a uprobe: the function that runs instead.")),
    argNewAddr: optional(uint64("Override of a uprobe: the address of what runs instead.")),
    argNewOffset: optional(int64("Override of a uprobe: the offset of what runs instead.")),
    rateLimit: optional(
      text("Post at most one such event in this time: `5`, `5s`, `5m`, `1h`.", {
        admission: { pattern: "^\\s*\\d{1,9}[smhSMH]?\\s*$" },
      }),
    ),
    rateLimitScope: optional(
      text("Who shares the limit: `thread`, `process` or `global`.", {
        admission: { pattern: "^(?i:thread|process|global)$" },
      }),
    ),
    kernelStackTrace: optional(bool("Add the kernel's stack to the event.")),
    userStackTrace: optional(bool("Add the program's stack to the event.")),
    imaHash: optional(
      bool("Add the hash of the file to the event, as the kernel's IMA computes it."),
    ),
  },
  [
    {
      // Written so that its cost, estimated for every possible action, remains low.
      cel: "has(self.argNewSymbol) ? !has(self.argNewAddr) && !has(self.argNewOffset) : !has(self.argNewAddr) || !has(self.argNewOffset)",
      holds: (self) => targets.filter((field) => self[field] !== undefined).length <= 1,
      message: "argNewSymbol, argNewAddr and argNewOffset exclude each other",
      hint: "Keep one of them.",
    },
    {
      cel: `self.action != 'Override' || ${["argError", "argRegs", ...targets].map((field) => `has(self.${field})`).join(" || ")}`,
      message: "Override needs the error that the call returns",
      hint: "Write `argError: -1` (EPERM).",
      at: "argError",
    },
    {
      cel: "self.action != 'Signal' || (has(self.argSig) && self.argSig >= 1 && self.argSig <= 64)",
      message: "Signal needs its number",
      hint: "Write `argSig: 15` for SIGTERM; signals are 1 to 64.",
      at: "argSig",
    },
  ],
);

export const selectorSchema = object(
  "KProbeSelector",
  "Filters that must all hold, and what is done then.",
  {
    label: optional(text("Name of the selector in counters.")),
    matchPIDs: optional(list("Filters on the process id.", pidSelector)),
    matchArgs: optional(list("Filters on arguments.", argSelector)),
    matchData: optional(list("Filters on `data`.", argSelector, rare)),
    matchActions: optional(
      list("Actions when the call begins; none means Post.", actionSelector, {
        admission: { maxItems: languageLimits.actions },
      }),
    ),
    matchReturnArgs: optional(list("Filters on the return value.", argSelector)),
    matchReturnActions: optional(
      list("Actions when the call returns.", actionSelector, {
        admission: { maxItems: languageLimits.actions },
      }),
    ),
    matchBinaries: optional(list("Filter on the program.", binarySelector, { maxItems: 1 })),
    matchParentBinaries: optional(
      list("Filter on the program of the parent.", parentBinarySelector, { maxItems: 1 }),
    ),
    matchNamespaces: optional(list("Filters on namespaces.", namespaceSelector)),
    matchNamespaceChanges: optional(
      list("Filters on changed namespaces.", namespaceChangesSelector),
    ),
    matchCapabilities: optional(list("Filters on capabilities.", capabilitiesSelector)),
    matchCapabilityChanges: optional(
      list("Filters on changed capabilities.", capabilitiesSelector),
    ),
    matchWorkloads: optional(workloadsSelector),
    matchProcess: inGuards(
      optional(list("Filters on properties of the process.", processSelector)),
    ),
    matchExecArgs: inGuards(
      optional(
        list("Filters on arguments of the program that is about to run.", execArgSelector, rare),
      ),
    ),
    matchExecEnv: inGuards(
      optional(
        list(
          "Filters on environment variables of the program that is about to run.",
          execEnvSelector,
          rare,
        ),
      ),
    ),
    matchCount: inGuards(optional(countSelector)),
    macros: optional(list("Names from `selectorsMacros` whose filters are added.", text("Name."))),
  },
);

export type SelectorSpec = Static<typeof selectorSchema>;
export type ArgSelectorSpec = Static<typeof argSelector>;
export type ActionSpec = Static<typeof actionSelector>;
export type BinarySelectorSpec = Static<typeof binarySelector>;
export type ParentBinarySelectorSpec = Static<typeof parentBinarySelector>;
export type NamespaceChangesSelectorSpec = Static<typeof namespaceChangesSelector>;
export type NamespaceSelectorSpec = Static<typeof namespaceSelector>;
export type CapabilitiesSelectorSpec = Static<typeof capabilitiesSelector>;
export type ProcessSelectorSpec = Static<typeof processSelector>;
export type ExecArgSelectorSpec = Static<typeof execArgSelector>;
export type CountSelectorSpec = Static<typeof countSelector>;
export type ExecEnvSelectorSpec = Static<typeof execEnvSelector>;
export type PidSelectorSpec = Static<typeof pidSelector>;
