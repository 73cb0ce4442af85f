// SPDX-License-Identifier: Apache-2.0
import { hasForm, type LabelSelector, selects, type TypedFilter } from "@gander/policy";
import { type Call, filterOutcome, type PlainFilter } from "@gander/sensor/reference";
import type { KernelCall } from "./model/kernel-call.ts";
import type { KernelValue } from "./model/kernel-value.ts";
import { propertiesOf } from "./model/process.ts";

export type Decided = "holds" | "fails" | "undecided";

/** What a filter is decided by. */
export type Facts = {
  readonly call: KernelCall;
  /** By position in `args` of the hook entry. */
  readonly values: readonly KernelValue[];
  readonly labels: Readonly<Record<string, string>>;
};

/** All of them; one that fails decides, whatever is not known of the others. */
export function allOf(list: readonly Decided[]): Decided {
  if (list.includes("fails")) return "fails";
  return list.includes("undecided") ? "undecided" : "holds";
}

function anyOf(list: readonly Decided[]): Decided {
  if (list.includes("holds")) return "holds";
  return list.includes("undecided") ? "undecided" : "fails";
}

const not = (one: Decided): Decided =>
  one === "undecided" ? one : one === "holds" ? "fails" : "holds";

/** Whether a filter holds for a call. Calls are counted elsewhere. */
export function decideFilter(filter: TypedFilter, facts: Facts): Decided {
  switch (filter.on) {
    case "count":
      return "holds";
    case "any":
      return anyOf(filter.of.map((list) => allOf(list.map((one) => decideFilter(one, facts)))));
    case "arg":
      return decideArgument(filter, facts);
    case "binary":
    case "parent-binary":
      return decideBinary(filter, facts);
    case "pid": {
      // Numbers are given anew each time; only the tree is known.
      const isTree = filter.followForks && filter.pids.every((pid) => pid < 2);
      return isTree ? evaluated(filter, facts) : "undecided";
    }
    case "namespace": {
      const isHosts = hostNamespaces.includes(filter.namespace);
      const named = filter.ids.every((id) => id === "host");
      return named || (isHosts && filter.ids.includes("host"))
        ? evaluated(filter, facts)
        : "undecided";
    }
    case "exec-argument":
    case "exec-variable":
      return facts.call.exec === undefined ? "undecided" : evaluated(filter, facts);
    case "workloads":
      return filter.workloads.containerSelector === undefined
        ? evaluated(filter, facts)
        : "undecided";
    case "marked":
      return "undecided";
    default:
      return evaluated(filter, facts);
  }
}

type ArgumentFilter = Extract<TypedFilter, { on: "arg" }>;

function decideArgument(filter: ArgumentFilter, facts: Facts): Decided {
  const { test, arg } = filter;
  if (arg === "return") return "undecided";
  const others = hasForm(test, "pairs") ? [test.other] : test.op === "gained" ? [test.before] : [];
  const read = [arg, ...others].map((position) => facts.values[position] ?? {});
  if (read.some((one) => one.absent)) return "fails";
  return read.every((one) => isKnown(one, test)) ? evaluated(filter, facts) : "undecided";
}

/** Whether the part of a value that a test looks at is known. */
function isKnown({ value, known }: KernelValue, test: ArgumentFilter["test"]): boolean {
  if (value === undefined) return false;
  if (typeof value === "bigint")
    return (
      known === undefined ||
      (test.op === "mask" && test.values.every((one) => (one & ~known) === 0n))
    );
  if (typeof value === "string") return hasForm(test, "texts");
  if ("saddr" in value) return !["saddr", "sport"].includes(test.op) || value.saddr === value.daddr;
  if (test.op === "file-type") return value.fileType !== 0;
  return test.op === "origin" || value.path !== undefined;
}

function decideBinary(
  filter: Extract<TypedFilter, { on: "binary" | "parent-binary" }>,
  facts: Facts,
): Decided {
  if (!filter.followChildren) return evaluated(filter, facts);
  const { match, paths } = filter;
  // A file of the node is none of the container's.
  if (match === "file") return evaluated(filter, facts);
  const positive = { ...filter, negate: false };
  const above = { on: "ancestor-binary", negate: false, match, paths } as const;
  const either = anyOf([evaluated(positive, facts), evaluated(above, facts)]);
  return filter.negate ? not(either) : either;
}

/** The namespaces that a pod has from its node. */
const hostNamespaces: readonly string[] = ["user", "time", "time_for_children"];

const host = 1n;
const own = 2n;
const later = 3n;

function evaluated(filter: PlainFilter, facts: Facts): Decided {
  return filterOutcome(filter, callOf(facts), false) ? "holds" : "fails";
}

const namespaceNames = [
  ...["uts", "ipc", "mnt", "pid", "pid_for_children", "net", "time", "time_for_children"],
  ...["cgroup", "user"],
] as const;

const eachNamespace = (idOf: (name: (typeof namespaceNames)[number]) => bigint) =>
  Object.fromEntries(namespaceNames.map((name) => [name, idOf(name)])) as Call["namespaces"];

/** The call as the reference evaluator takes it. */
function callOf({ call, values, labels }: Facts): Call {
  const { process, exec } = call;
  const atFirst = (name: string) => (hostNamespaces.includes(name) ? host : own);
  const changed = (name: (typeof namespaceNames)[number]) =>
    process.changedNamespaces.includes(name);
  const noFile = { inode: 0n, device: 0, generation: 0 };
  const hasPeer = values.every(
    ({ value }) =>
      typeof value !== "object" || !("saddr" in value) || [2, 10].includes(value.family),
  );
  return {
    ...(hasPeer ? {} : { facts: { peer: "absent" as const } }),
    args: values.map(({ value = 0n }) => value),
    ...{ returned: 0n, pid: 1, nsPid: 1, ancestors: { zero: false, first: true } },
    belongs: ({ podSelector }) =>
      podSelector && isChosen(podSelector, labels) ? "within" : "outside",
    ...{ binary: process.binary, file: noFile, hostFiles: new Map() },
    namespaces: eachNamespace((name) => (changed(name) ? later : atFirst(name))),
    hostNamespaces: eachNamespace(() => host),
    capabilities: process.credentials,
    properties: propertiesOf(process),
    exec: exec ?? { args: [], env: [] },
    ...{ parent: process.ancestors[0] ?? "", ancestorBinaries: process.ancestors },
    before: { namespaces: eachNamespace(atFirst), capabilities: process.credentialsAtExec },
  };
}

const isChosen = (selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean =>
  selects(selector, (key) => labels[key]);
