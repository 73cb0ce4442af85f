// SPDX-License-Identifier: Apache-2.0
import {
  type ArgType,
  namespaceNames,
  originWords,
  processProperties,
  textOperatorNames,
  typeRow,
} from "@gander/crd-schemas";
import { hashHooks } from "@gander/policy";
import type { Random } from "../../../siege/random.ts";
import { argFilter, expression, gainedFilter, text } from "./random-values.ts";
import { type Arg, many, type Target } from "./target.ts";

/** What a policy has that its selectors may name. */
export interface Shared {
  readonly guard: boolean;
  readonly namespaced: boolean;
  /** Of the host as well, if it is for pods. */
  readonly forPods: boolean;
  readonly macros: readonly string[];
  /** `list:NAME` of system calls. */
  readonly syscalls: readonly string[];
  readonly enforcers: boolean;
  readonly sets: readonly string[];
}

export interface Reads {
  readonly args: readonly Arg[];
  readonly data: readonly Arg[];
  readonly returned: ArgType | undefined;
  readonly hasRegisters: boolean;
  /** Whichever functions a list has. */
  readonly isList: boolean;
}

/** It matches no process: the kernel has to take it, no more. */
export function selector(target: Target, reads: Reads, shared: Shared, random: Random): object {
  const { args, data, returned } = reads;
  const { guard } = shared;
  const sometimes = (probability: number, make: () => object) =>
    random.chance(probability) ? make() : {};
  const inOrNot = () => random.pick(["In", "NotIn"]);
  const macro = shared.macros.length > 0 && random.chance(0.4) ? shared.macros : [];
  const returnFilters =
    returned && random.chance(0.5)
      ? argFilter({ index: 0 }, returned, { random, guard: false }).slice(0, 1)
      : [];
  return {
    ...nobody(shared, random),
    ...sometimes(0.1, () => ({ label: `selector ${random.below(9)}` })),
    ...filled("matchArgs", argFilters(args, shared, random)),
    ...filled(
      "matchData",
      data
        .filter(() => random.chance(0.6))
        .flatMap(({ type, index }) => argFilter({ index }, type, { random, guard: false })),
    ),
    ...sometimes(0.2, () => ({
      matchNamespaces: [
        {
          namespace: random.pick(namespaceNames),
          operator: inOrNot(),
          values: random.pick([["host_ns"], ["4026531836", "host_ns"]]),
        },
      ],
    })),
    ...(macro.length > 0
      ? { macros: [random.pick(macro)] }
      : sometimes(0.15, () => ({ matchCapabilities: [capabilities(random)] }))),
    ...sometimes(macro.length > 0 ? 0 : 0.1, () => ({
      matchNamespaceChanges: [{ operator: inOrNot(), values: ["Mnt", "User"] }],
    })),
    ...sometimes(0.1, () => ({ matchCapabilityChanges: [capabilities(random)] })),
    ...sometimes(0.15, () => ({ matchParentBinaries: [parentBinaries(guard, random)] })),
    ...(shared.forPods
      ? sometimes(0.3, () => ({ matchWorkloads: workloads(shared, random) }))
      : {}),
    ...(guard ? guardFilters(target, shared, returnFilters.length > 0, random) : {}),
    ...filled("matchReturnArgs", returnFilters),
    ...sometimes(0.6, () => ({ matchActions: actions(target, reads, shared, random) })),
    ...(returned && random.chance(0.3)
      ? { matchReturnActions: [random.pick([{ action: "Sigkill" }, { action: "Post" }])] }
      : {}),
  };
}

const filled = (name: string, list: readonly object[]): object =>
  list.length > 0 ? { [name]: list } : {};

/** Filters that no process passes, beside any that one could pass. */
function nobody({ guard, namespaced, forPods, sets }: Shared, random: Random): object {
  const pid = { operator: "In", values: [4_000_001] };
  const files = guard && !namespaced && !forPods;
  if (random.chance(0.4))
    return {
      matchPIDs: [
        pid,
        ...(random.chance(0.5)
          ? [
              random.pick([
                { operator: "NotIn", values: [1, 2], followForks: true },
                { operator: "NotIn", values: [1], isNamespacePID: true },
                { operator: "In", values: [0, 1], isNamespacePID: true, followForks: true },
              ]),
            ]
          : []),
      ],
      ...(random.chance(0.7)
        ? {
            matchBinaries: [
              random.pick([
                { operator: "NotIn", values: ["/nowhere/a"], followChildren: true },
                { operator: "NotPrefix", values: ["/nowhere/"] },
                { operator: "NotPostfix", values: ["/nowhere-at-all"] },
                ...(files
                  ? [{ operator: "NotIn", values: ["/usr/bin/sh"], identity: "file" }]
                  : []),
                ...(guard ? [{ operator: "NotIn", values: ["/nowhere/b"], ancestors: true }] : []),
              ]),
            ],
          }
        : {}),
    };
  return {
    // Nothing has such a program.
    matchBinaries: [
      random.pick([
        { operator: "In", values: ["/nowhere/a", "/nowhere/b"] },
        { operator: "In", values: ["/nowhere/a"], followChildren: true },
        { operator: "Prefix", values: ["/nowhere/"] },
        { operator: "Postfix", values: ["/nowhere-at-all"] },
        ...(guard ? [{ operator: "In", values: ["/nowhere/a"], identity: "path" }] : []),
        ...(guard ? sets.map((name) => ({ operator: "In", values: [`set:${name}`] })) : []),
      ]),
    ],
  };
}

function argFilters(args: readonly Arg[], shared: Shared, random: Random): readonly object[] {
  const { guard, syscalls } = shared;
  // A path may stand for several values: those are named by their position in the list.
  const isOne = ({ index }: Arg) => args.filter((arg) => arg.index === index).length === 1;
  const filters = args.flatMap((arg, position) => {
    if (!random.chance(0.6)) return [];
    const where = isOne(arg) && random.chance(0.7) ? { index: arg.index } : { args: [position] };
    const lists = arg.type === "syscall64" ? syscalls : [];
    return argFilter(where, arg.type, { random, guard, syscalls: lists });
  });
  const sets = args.flatMap(({ type }, i) => (typeRow(type).names === "capabilities" ? [i] : []));
  const [before, after] = sets;
  return [
    ...filters,
    ...(random.chance(0.25) ? expression(args, random) : []),
    ...(before !== undefined && after !== undefined && random.chance(0.5)
      ? [gainedFilter(before, after, random)]
      : []),
  ];
}

const whoever = ["CAP_SYS_ADMIN", "CAP_NET_RAW", "CAP_KILL"];

export const capabilities = (random: Random): object => ({
  ...(random.chance(0.8) ? { type: random.pick(["Effective", "Inheritable", "Permitted"]) } : {}),
  operator: random.pick(["In", "NotIn"]),
  values: random.chance(0.5) ? whoever : [random.pick(whoever)],
  ...(random.chance(0.5) ? { isNamespaceCapability: random.chance(0.5) } : {}),
});

const parentBinaries = (guard: boolean, random: Random): object =>
  random.pick([
    { operator: "In", values: ["/nowhere/parent"], followChildren: random.chance(0.5) },
    { operator: "NotIn", values: ["/nowhere/parent"] },
    { operator: random.pick(["Prefix", "NotPrefix"]), values: ["/nowhere/parent"] },
    { operator: random.pick(["Postfix", "NotPostfix"]), values: ["/parent"] },
    ...(guard ? [{ operator: "NotIn", values: ["/nowhere/old"], ancestors: true }] : []),
  ]);

export function workloads({ namespaced }: Pick<Shared, "namespaced">, random: Random): object {
  const sometimes = (make: () => object) => (random.chance(0.6) ? make() : {});
  return {
    ...sometimes(() => ({ podSelector: labels(["app", "tier"], random) })),
    ...sometimes(() => ({ containerSelector: labels(["name", "repo"], random) })),
    ...(namespaced ? {} : sometimes(() => ({ hostSelector: {} }))),
  };
}

export function labels(keys: readonly string[], random: Random): object {
  const requirement = () => {
    const operator = random.pick(["In", "NotIn", "Exists", "DoesNotExist"]);
    const values = operator.endsWith("In") ? { values: ["a", "b"] } : {};
    return { key: random.pick(keys), operator, ...values };
  };
  return {
    ...(random.chance(0.6) ? { matchLabels: { [random.pick(keys)]: "a" } } : {}),
    ...(random.chance(0.6) ? { matchExpressions: many(random, 1, 2, requirement) } : {}),
  };
}

function guardFilters(
  { name, section }: Target,
  { sets }: Shared,
  waits: boolean,
  random: Random,
): object {
  const sometimes = (probability: number, make: () => object) =>
    random.chance(probability) ? make() : {};
  const isExec = section !== "usdts" && /^(security_)?bprm_check/.test(name);
  return {
    ...sometimes(0.6, () => ({ matchProcess: many(random, 1, 2, () => property(random)) })),
    ...sometimes(isExec ? 0.8 : 0, () => ({
      matchExecArgs: [
        { operator: random.pick(textOperatorNames), values: [text(random, 40)] },
        { index: random.below(20), operator: "Equal", values: many(random, 1, 4, () => "-c") },
        ...(random.chance(0.3)
          ? sets.map((set) => ({ operator: "Equal", values: [`set:${set}`] }))
          : []),
      ],
      matchExecEnv: [
        {
          names: ["LD_PRELOAD"],
          operator: random.pick(textOperatorNames),
          values: [text(random, 40)],
        },
        { names: ["LD_AUDIT", "A"], operator: random.pick(["Exists", "DoesNotExist"]) },
      ],
    })),
    // Counts begin anew when a set changes, and what decides at the call can't wait for its return.
    ...sometimes(sets.length > 0 || waits ? 0 : 0.3, () => ({
      matchCount: {
        atLeast: 2 + random.below(99),
        within: `${1 + random.below(3600)}s`,
        ...(random.chance(0.8) ? { per: random.pick(["process", "container"]) } : {}),
      },
    })),
  };
}

function property(random: Random): object {
  const property = random.pick(
    Object.keys(processProperties) as readonly (keyof typeof processProperties)[],
  );
  const { form } = processProperties[property];
  const operator = random.pick(
    form === "duration" || form === "id" ? ["In", "NotIn", "LT", "GT"] : ["In", "NotIn"],
  );
  const value = {
    duration: `${random.between(1, 99)}${random.pick(["s", "m", "h"])}`,
    id: operator.endsWith("In") ? `${random.below(1000)}:${random.between(1000, 70_000)}` : "1000",
    flag: random.pick(["true", "false"]),
    origin: random.pick(originWords),
    "file-type": random.pick(["sock", "fifo", "chr", "reg"]),
  }[form];
  return { property, operator, values: [value] };
}

function actions(target: Target, reads: Reads, shared: Shared, random: Random): readonly object[] {
  const { section, name, syscall, raw } = target;
  const isOfProgram = section === "uprobes" || section === "usdts";
  const decides = (section === "lsmhooks" || name.startsWith("security_")) && !reads.isList;
  const canDeny = decides && !reads.hasRegisters;
  const sockets = reads.args.filter(
    ({ type, spec }) => "type" in spec && spec.type === type && /^sock(et)?$/.test(type),
  );
  const [socket] = sockets;
  const isAlone = reads.args.filter(({ index }) => index === socket?.index).length === 1;
  const stacks = section === "kprobes" ? { kernelStackTrace: true, userStackTrace: true } : {};
  const hash = section === "lsmhooks" && hashHooks.has(name) ? { imaHash: true } : {};
  const numbered = reads.args.filter(({ type }) => typeRow(type).family === "integer");
  const rate = {
    rateLimit: random.pick(["5", "5s", "1m", "1h"]),
    rateLimitScope: random.pick(["thread", "process", "global"]),
  };
  const notify = { action: "NotifyEnforcer", argError: -random.between(1, 133), argSig: 9 };
  return random.pick<readonly object[]>([
    [{ action: "Sigkill" }],
    [{ action: "Signal", argSig: random.between(1, 64) }],
    [{ action: "NoPost" }],
    [{ action: "Post", ...rate }],
    [
      { action: "Post", ...stacks, ...hash },
      { action: "Signal", argSig: 15 },
    ],
    ...(canDeny ? [[{ action: "Override", argError: -random.between(1, 133) }]] : []),
    ...(shared.namespaced
      ? []
      : [
          [{ action: "GetUrl", argUrl: "https://canary.example.com/x" }],
          [{ action: "DnsLookup", argFqdn: "canary.example.com" }],
        ]),
    ...(socket !== undefined && isAlone
      ? [
          [{ action: "TrackSock", argSock: socket.index }],
          [{ action: "UntrackSock", argSock: socket.index }],
        ]
      : []),
    ...(section === "usdts" && numbered[0] !== undefined
      ? [[{ action: "Set", argIndex: numbered[0].index, argValue: random.below(5) }]]
      : []),
    ...(shared.enforcers && !isOfProgram && !(name.includes("sys_exit") && !raw && !syscall)
      ? [[notify], [{ action: "CleanupEnforcerNotification" }, { action: "NoPost" }]]
      : []),
  ]);
}
