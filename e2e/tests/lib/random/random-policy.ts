// SPDX-License-Identifier: Apache-2.0
// Valid policies made up from the tables of the language.
import type { Random } from "../../../siege/random.ts";
import { hookOn } from "./random-hook.ts";
import { capabilities, labels, type Shared, workloads } from "./random-selector.ts";
import { many, type Target } from "./target.ts";

export interface Machine {
  readonly targets: readonly Target[];
  /** How many of the policies are for some pods or nodes, which a sensor without an operator refuses. */
  readonly scoped: number;
  /** How many have lists whose names the kernel has: they take long to attach. */
  readonly generated: number;
  /** Whether enforcers can be for system calls: not every kernel lets these fail. */
  readonly stopsCalls: boolean;
}

/** Of a ValueSet that filters of GuardPolicies name. */
export const madeUpSet = "made-up";

/** The same numbers give the same policy. It matches no process: the kernel has to take it, no more. */
export function randomPolicy(name: string, random: Random, machine: Machine): object {
  const guard = random.chance(0.5);
  const isScoped = random.chance(machine.scoped);
  const namespaced = isScoped && random.chance(0.5);
  const enforced = random.chance(0.12);
  const lists = random.chance(0.2) ? listsOf(namespaced, machine, random) : [];
  const scope = isScoped && random.chance(0.9) ? workloads({ namespaced }, random) : {};
  const shared: Shared = {
    ...{ guard, namespaced, enforcers: enforced },
    forPods: isScoped,
    macros: random.chance(0.2) ? ["some", "others"] : [],
    syscalls: lists.flatMap(({ name, type }) => (type === "syscalls" ? [`list:${name}`] : [])),
    sets: guard && random.chance(0.3) ? [madeUpSet] : [],
  };
  const targets = [
    ...lists.map(targetOfList),
    ...many(random, lists.length > 0 ? 0 : 1, 3, () => random.pick(machine.targets)),
    ...(enforced ? [sysEnter] : []),
  ];
  const hooks = targets.map((target) => ({
    section: target.section === "kprobes" && random.chance(0.15) ? "fentries" : target.section,
    hook: target === sysEnter ? notifyingHook(random) : hookOn(target, shared, random),
  }));
  const sections = Object.groupBy(hooks, ({ section }) => section);
  return {
    apiVersion: guard ? "gander.dev/v1alpha1" : "cilium.io/v1alpha1",
    kind: `${guard ? "GuardPolicy" : "TracingPolicy"}${namespaced ? "Namespaced" : ""}`,
    metadata: {
      name,
      ...(namespaced ? { namespace: "shop" } : {}),
      ...(random.chance(0.1) ? { labels: { team: "a" }, annotations: { why: "made up" } } : {}),
    },
    spec: {
      ...(random.chance(0.4) ? { options: options(random) } : {}),
      ...scope,
      ...(isScoped && random.chance(0.3) ? { nodeSelector: labels(["os", "pool"], random) } : {}),
      ...(!isScoped && random.chance(0.05) ? { hostSelector: {} } : {}),
      ...(random.chance(0.05) ? { loader: random.chance(0.8) } : {}),
      ...(lists.length > 0 ? { lists: lists.map(({ spec }) => spec) } : {}),
      ...(shared.macros.length > 0 ? { selectorsMacros: macros(random) } : {}),
      ...(enforced ? { enforcers: enforcers(machine, shared, random) } : {}),
      ...Object.fromEntries(
        Object.entries(sections).map(([section, list]) => [
          section,
          (list ?? []).map(({ hook }) => hook),
        ]),
      ),
    },
  };
}

const options = (random: Random): readonly object[] => [
  { name: "policy-mode", value: random.pick(["monitor", "enforce"]) },
  ...(random.chance(0.4) ? [{ name: "event-budget", value: "1000/1m" }] : []),
  ...(random.chance(0.2) ? [{ name: "disable-kprobe-multi", value: "1" }] : []),
];

const macros = (random: Random): object => ({
  some: { matchCapabilities: [capabilities(random)] },
  others: {
    matchCapabilities: [capabilities(random)],
    matchNamespaceChanges: [{ operator: "In", values: ["Net"] }],
  },
});

interface List {
  readonly name: string;
  readonly type: string | undefined;
  readonly spec: object;
}

function listsOf(
  namespaced: boolean,
  { targets, generated }: Machine,
  random: Random,
): readonly List[] {
  const named = (syscall: boolean) =>
    targets.flatMap((one) =>
      one.section === "kprobes" && one.syscall === syscall && !one.name.startsWith("security_")
        ? [one.name]
        : [],
    );
  const some = (names: readonly string[]) => [
    ...new Set(many(random, 1, 4, () => random.pick(names))),
  ];
  const kinds = [
    { name: "calls", type: "syscalls", values: some(named(true)) },
    { name: "functions", values: some(named(false)) },
    ...(random.chance(generated)
      ? [
          { name: "all-calls", type: "generated_syscalls" },
          ...(namespaced
            ? []
            : [{ name: "matching", type: "generated_ftrace", pattern: "^vfs_re" }]),
        ]
      : []),
  ];
  const { ...spec } = random.pick(kinds);
  const validated = random.chance(0.1) ? { validated: true } : {};
  return [
    {
      name: spec.name,
      type: "type" in spec ? spec.type : undefined,
      spec: { ...spec, ...validated },
    },
  ];
}

const targetOfList = ({ name, type }: List): Target => {
  const syscall = type === "syscalls" || type === "generated_syscalls";
  const parameters = syscall ? (["int", "uint64", "fd"] as const) : [];
  const of = { syscall, raw: false, parameters, returns: undefined };
  return { section: "kprobes", name: `list:${name}`, ...of };
};

const sysEnter: Target = {
  ...{ section: "tracepoints", name: "raw_syscalls/sys_enter", syscall: false, raw: false },
  ...{ parameters: [], returns: undefined },
};

/** An enforcer needs a hook that notifies. */
const notifyingHook = (random: Random): object => ({
  ...{ subsystem: "raw_syscalls", event: "sys_enter", args: [{ index: 4, type: "syscall64" }] },
  selectors: [
    {
      matchPIDs: [{ operator: "In", values: [4_000_001] }],
      matchArgs: [{ index: 4, operator: "InMap", values: ["80", "400:410"] }],
      matchActions: [
        random.pick([
          { action: "NotifyEnforcer", argError: -1 },
          { action: "NotifyEnforcer", argSig: 9 },
          { action: "NotifyEnforcer", argError: -13, argSig: 15 },
        ]),
      ],
    },
  ],
});

function enforcers(
  { targets, stopsCalls }: Machine,
  { syscalls }: Shared,
  random: Random,
): readonly object[] {
  const stoppable = targets.flatMap(({ section, name, syscall }) =>
    section === "kprobes" && (syscall ? stopsCalls : name.startsWith("security_")) ? [name] : [],
  );
  const calls = () => [
    ...new Set(many(random, 1, 3, () => random.pick(stoppable))),
    ...(stopsCalls && random.chance(0.3) ? syscalls : []),
  ];
  return many(random, 1, 2, () => ({ calls: calls() }));
}
