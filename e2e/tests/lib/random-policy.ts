// SPDX-License-Identifier: Apache-2.0
// Valid policies made up from the tables of the language.
import {
  type ArgType,
  argOperatorsByName,
  operatorsFor,
  originWords,
  processProperties,
  textOperatorNames,
  typeRow,
} from "@gander/crd-schemas";
import type { Random } from "../../siege/random.ts";

/** Something that a kernel has and a policy can hook. */
export interface Target {
  readonly section: "kprobes" | "lsmhooks" | "tracepoints";
  /** Of a tracepoint `subsystem/event`. */
  readonly name: string;
  readonly syscall: boolean;
  readonly raw: boolean;
  /** By position; undefined: none that the language has. */
  readonly parameters: readonly (ArgType | undefined)[];
  readonly returns: ArgType | undefined;
}

/** The same numbers give the same policy. It matches no process: the kernel has to take it, no more. */
export function randomPolicy(name: string, random: Random, targets: readonly Target[]): object {
  const guard = random.chance(0.4);
  const hooks = many(random, 1, 3, () => {
    const target = random.pick(targets);
    return { section: target.section, hook: hookOn(target, random, guard) };
  });
  const sections = Object.groupBy(hooks, ({ section }) => section);
  return {
    apiVersion: guard ? "gander.dev/v1alpha1" : "cilium.io/v1alpha1",
    kind: guard ? "GuardPolicy" : "TracingPolicy",
    metadata: { name },
    spec: {
      ...(random.chance(0.3) ? { options: [{ name: "policy-mode", value: "monitor" }] } : {}),
      ...Object.fromEntries(
        Object.entries(sections).map(([section, list]) => [section, list.map(({ hook }) => hook)]),
      ),
    },
  };
}

const many = <T>(random: Random, low: number, high: number, make: (index: number) => T): T[] =>
  Array.from({ length: random.between(low, high) }, (_, index) => make(index));

interface Arg {
  readonly index: number;
  readonly type: ArgType;
  readonly spec: object;
}

function hookOn(target: Target, random: Random, guard: boolean): object {
  const args = readable(target)
    .filter(() => random.chance(0.7))
    .slice(0, 5)
    .map(({ index, type }): Arg => {
      const named = random.chance(0.2) ? { label: `value ${index}` } : {};
      if (type === "file" && random.chance(0.2))
        return {
          ...{ index, type: "string" },
          spec: { index, type: "string", resolve: "f_path.dentry.d_name.name", ...named },
        };
      const sized = typeRow(type).sized === true ? { sizeArgIndex: 3 } : {};
      return { index, type, spec: { index, type, ...sized, ...named } };
    });
  const returned = target.section === "kprobes" && random.chance(0.3) ? target.returns : undefined;
  const [subsystem, event] = target.name.split("/");
  const called = {
    kprobes: { call: target.name, syscall: target.syscall },
    lsmhooks: { hook: target.name },
    tracepoints: { subsystem, event, ...(target.raw ? { raw: true } : {}) },
  }[target.section];
  return {
    ...called,
    args: args.map(({ spec }) => spec),
    ...(returned ? { return: true, returnArg: { index: 0, type: returned } } : {}),
    selectors: many(random, 1, 3, () => selector(target, { args, returned, random, guard })),
  };
}

/** Arguments of system calls are what the program says they are. */
function readable({ syscall, parameters }: Target): readonly { index: number; type: ArgType }[] {
  if (syscall)
    return [
      { index: 0, type: "fd" },
      { index: 1, type: "char_buf" },
      { index: 2, type: "uint64" },
      { index: 3, type: "string" },
      { index: 4, type: "int" },
    ];
  return parameters.flatMap((type, index) =>
    type === undefined || index > 5 ? [] : [{ index, type }],
  );
}

interface Parts {
  readonly args: readonly Arg[];
  readonly returned: ArgType | undefined;
  readonly random: Random;
  readonly guard: boolean;
}

function selector(target: Target, { args, returned, random, guard }: Parts): object {
  const sometimes = (probability: number, make: () => object) =>
    random.chance(probability) ? make() : {};
  const inOrNot = () => random.pick(["In", "NotIn"]);
  // A path may stand for several values: those are named by their position in the list.
  const unique = args.filter(({ index }) => args.filter((arg) => arg.index === index).length === 1);
  const filters = unique
    .filter(() => random.chance(0.6))
    .flatMap(({ index, type }) => argFilter(index, type, { random, guard }));
  const whoever = ["CAP_SYS_ADMIN", "CAP_NET_RAW", "CAP_KILL"];
  return {
    // Nothing has such a program.
    matchBinaries: [
      random.pick([
        { operator: "In", values: ["/nowhere/a", "/nowhere/b"] },
        { operator: "In", values: ["/nowhere/a"], followChildren: true },
        { operator: "Prefix", values: ["/nowhere/"] },
        { operator: "Postfix", values: ["/nowhere-at-all"] },
      ]),
    ],
    ...(filters.length > 0 ? { matchArgs: filters } : {}),
    ...sometimes(0.2, () => ({
      matchPIDs: [{ operator: inOrNot(), values: [4_000_001], followForks: random.chance(0.5) }],
    })),
    ...sometimes(0.2, () => ({
      matchNamespaces: [
        {
          namespace: random.pick(["Pid", "Mnt", "User", "Net"]),
          operator: inOrNot(),
          values: ["host_ns"],
        },
      ],
    })),
    ...sometimes(0.15, () => ({
      matchCapabilities: [
        {
          ...{ type: random.pick(["Effective", "Permitted"]), operator: inOrNot() },
          ...{ values: [random.pick(whoever)], isNamespaceCapability: random.chance(0.3) },
        },
      ],
    })),
    ...sometimes(0.1, () => ({
      matchNamespaceChanges: [{ operator: "In", values: ["Mnt", "User"] }],
    })),
    ...sometimes(0.1, () => ({
      matchCapabilityChanges: [{ type: "Effective", operator: inOrNot(), values: whoever }],
    })),
    ...sometimes(0.15, () => ({
      matchParentBinaries: [
        random.pick([
          { operator: "In", values: ["/nowhere/parent"], followChildren: random.chance(0.5) },
          { operator: "NotPrefix", values: ["/nowhere/parent"] },
        ]),
      ],
    })),
    ...sometimes(guard ? 0.6 : 0, () => ({
      matchProcess: many(random, 1, 2, () => property(random)),
    })),
    ...sometimes(guard && /^(security_)?bprm_check/.test(target.name) ? 0.8 : 0, () => ({
      matchExecArgs: [
        { operator: random.pick(textOperatorNames), values: [text(random, 40)] },
        { index: random.below(20), operator: "Equal", values: many(random, 1, 4, () => "-c") },
      ],
      matchExecEnv: [{ names: ["LD_PRELOAD"], operator: "NotPrefix", values: [text(random, 40)] }],
    })),
    ...sometimes(guard ? 0.3 : 0, () => ({
      matchCount: {
        atLeast: 2 + random.below(99),
        within: `${1 + random.below(3600)}s`,
        per: random.pick(["process", "container"]),
      },
    })),
    ...(returned && random.chance(0.5)
      ? { matchReturnArgs: argFilter(0, returned, { random, guard: false }).slice(0, 1) }
      : {}),
    ...sometimes(0.6, () => ({ matchActions: actions(target, random) })),
  };
}

function actions({ section, name }: Target, random: Random): readonly object[] {
  const decides = section === "lsmhooks" || name.startsWith("security_");
  return random.pick([
    [{ action: "Sigkill" }],
    [{ action: "Signal", argSig: random.between(1, 64) }],
    [{ action: "NoPost" }],
    [
      {
        action: "Post",
        rateLimit: "5s",
        rateLimitScope: random.pick(["thread", "process", "global"]),
      },
    ],
    section === "kprobes"
      ? [{ action: "Post", kernelStackTrace: true, userStackTrace: true }]
      : [{ action: "Post" }],
    decides ? [{ action: "Override", argError: -random.between(1, 133) }] : [{ action: "Sigkill" }],
  ]);
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

function argFilter(
  index: number,
  type: ArgType,
  { random, guard }: { readonly random: Random; readonly guard: boolean },
): readonly object[] {
  const { family } = typeRow(type);
  const operators = [
    ...operatorsFor(typeRow(type)),
    ...(guard && family === "path" ? ["Origin", "NotOrigin"] : []),
  ];
  if (operators.length === 0) return [];
  const operator = random.pick(operators);
  const values = valuesFor(operator, type, random);
  return [{ index, operator, ...(values.length > 0 ? { values } : {}) }];
}

function valuesFor(operator: string, type: ArgType, random: Random): readonly string[] {
  const row = argOperatorsByName.get(operator);
  const some = (make: () => string, most = 6) => [...new Set(many(random, 1, most, make))];
  const number = () => integer(type, random);
  const port = () => random.below(65_536);
  switch (row?.kind) {
    case "origin":
      return [random.pick(originWords)];
    case "equal":
      return some(typeRow(type).family === "integer" ? number : () => text(random, 40));
    case "greater":
    case "less":
      return [`${random.between(1, 100)}`];
    case "mask":
      return [`0x${random.between(1, 127).toString(16)}`];
    case "range":
      return [`${random.below(60)}:${random.between(60, 120)}`];
    case "in-map":
      return some(number, 30);
    case "prefix":
    case "postfix":
      return some(() => text(random, 60));
    case "contains":
    case "contains-any-case":
      return some(() => text(random, 45), 3);
    case "file-type":
      return [random.pick(["reg", "dir", "sock", "fifo", "chr", "blk", "lnk"])];
    case "saddr":
    case "daddr":
      return some(() =>
        random.chance(0.5)
          ? `10.${random.below(256)}.0.0/${random.between(8, 32)}`
          : `2001:db8:${random.below(65_536).toString(16)}::/${random.between(8, 128)}`,
      );
    case "sport":
    case "dport":
      return some(() =>
        random.chance(0.5) ? `${port()}` : `${random.below(100)}:${100 + random.below(900)}`,
      );
    case "protocol":
      return [random.pick(["IPPROTO_TCP", "IPPROTO_UDP", "1"])];
    case "family":
      return [random.pick(["AF_INET", "AF_INET6", "AF_UNIX"])];
    case "state":
      return [random.pick(["TCP_ESTABLISHED", "TCP_CLOSE", "TCP_LISTEN"])];
    default:
      return [];
  }
}

function integer(type: ArgType, random: Random): string {
  const { bits = 32, signed = false } = typeRow(type);
  const greatest = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  return `${random.pick([least, greatest, 0n, BigInt(random.below(128)), BigInt(random.below(128))])}`;
}

const letters = "abcdefgh/._-é ";

const text = (random: Random, longest: number): string =>
  `/${many(random, 1, longest - 1, () => random.pick([...letters])).join("")}x`;
