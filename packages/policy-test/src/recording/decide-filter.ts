// SPDX-License-Identifier: Apache-2.0
import {
  hasForm,
  labelsOf,
  namespaceLabel,
  podLabels,
  selects,
  type TypedFilter,
  type WorkloadSelector,
} from "@gander/policy";
import { type Call, filterOutcome, type PlainFilter, type Socket } from "@gander/sensor/reference";
import { type ArgumentValue, isWholeText, unknownNumber } from "./argument-value.ts";
import type { RecordedPod, RecordedProcess } from "./recording-format.ts";

export type Decided = "holds" | "fails" | "undecided";

/** A call, as far as a recording has it. */
export type KnownCall = {
  readonly args: readonly ArgumentValue[];
  readonly returned: ArgumentValue;
  readonly process: RecordedProcess;
  /** The filters on sources of sockets are decided before the event shows them. */
  readonly isBeforeSource: boolean;
};

/** All of them; one that fails decides, whatever is not known of the others. */
export function allOf(list: readonly Decided[]): Decided {
  if (list.includes("fails")) return "fails";
  return list.includes("undecided") ? "undecided" : "holds";
}

export function anyOf(list: readonly Decided[]): Decided {
  if (list.includes("holds")) return "holds";
  return list.includes("undecided") ? "undecided" : "fails";
}

const decided = (holds: boolean): Decided => (holds ? "holds" : "fails");
const opposite = { holds: "fails", fails: "holds", undecided: "undecided" } as const;

/**
 * Whether a filter holds, by the reference evaluator if the recording has what it asks for. Nothing is assumed.
 * @param unknownHolds what it does, by its argument, if the kernel does not have that either.
 */
export function decideFilter(
  filter: TypedFilter,
  call: KnownCall,
  unknownHolds: (arg?: number | "return") => boolean,
): Decided {
  const { process } = call;
  switch (filter.on) {
    case "any":
      return anyOf(
        filter.of.map((list) => allOf(list.map((one) => decideFilter(one, call, unknownHolds)))),
      );
    case "arg":
      return decideArgument(filter, call, unknownHolds(filter.arg));
    case "binary":
      return decideBinary(filter, process, unknownHolds());
    case "parent-binary":
    case "ancestor-binary":
      return decideLineage(filter, process, unknownHolds());
    case "pid":
      return decidePid(filter, process);
    case "process":
      if (filter.property !== "InInitTree" || !process.inInitTree) return "undecided";
      return evaluated(filter, inTree, unknownHolds());
    case "workloads":
      return belongs(filter.workloads, process);
    default:
      return "undecided";
  }
}

type FilterOn<On extends PlainFilter["on"]> = Extract<PlainFilter, { on: On }>;

const inTree = { ancestors: { zero: false, first: true } } as const;

function decideArgument(
  filter: FilterOn<"arg">,
  { args, returned, isBeforeSource }: KnownCall,
  unknownHolds: boolean,
): Decided {
  const { test } = filter;
  const valueAt = (at: number | "return"): ArgumentValue =>
    (at === "return" ? returned : args[at]) ?? { state: "missing" };
  const others = hasForm(test, "pairs") ? [test.other] : test.op === "gained" ? [test.before] : [];
  const read = [filter.arg, ...others].map(valueAt);
  if (read.some(({ state }) => state === "missing")) return "undecided";
  if (read.some(({ state }) => state === "absent")) return "fails";
  if (read.some(({ state }) => state === "unreadable")) return decided(unknownHolds);
  const [first] = read;
  if (first?.state !== "known") return "undecided";
  const { value, fileType = 0, forgeable = false, tooDeep = false } = first;
  if (typeof value === "object")
    return decideSocket(filter, value as Socket, { isBeforeSource, unknownHolds });
  if (test.op === "origin") return "undecided";
  if (test.op === "file-type") {
    if (fileType === 0) return "undecided";
    return evaluatedArgument(filter, { fileType, origin: 0 }, {}, unknownHolds);
  }
  const isText = typeof value === "string";
  if (isText !== hasForm(test, "texts")) return "undecided";
  if (tooDeep) return decided(unknownHolds);
  if (isText) {
    const facts = forgeable ? { text: "forgeable" as const } : {};
    return evaluatedArgument(filter, value, facts, unknownHolds);
  }
  const numbers = [...args, returned].map((one) =>
    one.state === "known" && typeof one.value === "bigint" ? one.value : 0n,
  );
  const known = { args: numbers.slice(0, -1), returned: numbers.at(-1) ?? 0n };
  return evaluated(filter, known, unknownHolds);
}

function evaluatedArgument(
  filter: FilterOn<"arg">,
  value: Call["args"][number],
  facts: NonNullable<Call["facts"]>,
  unknownHolds: boolean,
): Decided {
  // The evaluator takes returned numbers only; at another position it reads the same.
  return evaluated({ ...filter, arg: 0 }, { args: [value], facts }, unknownHolds);
}

const unspecified = /^0+$/;

function decideSocket(
  filter: FilterOn<"arg">,
  socket: Socket,
  { isBeforeSource, unknownHolds }: { isBeforeSource: boolean; unknownHolds: boolean },
): Decided {
  const { op } = filter.test;
  const hasAddress = socket.saddr !== "" || socket.daddr !== "";
  if (isBeforeSource && ["saddr", "sport", "state"].includes(op)) return "undecided";
  if (op === "protocol" || op === "family" || op === "state") {
    if (socket[op] === unknownNumber) return "undecided";
    // What it will be, where the peer is still open.
    if (op === "family" && unspecified.test(socket.daddr)) return "undecided";
  } else if (!hasAddress) return "fails";
  else if (unspecified.test(socket[op === "saddr" || op === "sport" ? "saddr" : "daddr"]))
    return "undecided";
  else if ((op === "sport" || op === "dport") && socket[op] === 0) return "undecided";
  return evaluatedArgument(filter, socket, {}, unknownHolds);
}

type Paths = { readonly binary: string; readonly flags?: string | undefined };

/** A binary whose path the event has as the kernel has it. */
function knownBinary({ binary, flags = "" }: Paths): "known" | "forgeable" | undefined {
  if (!binary.startsWith("/") || !isWholeText(binary)) return undefined;
  if (flags === "forgeableBinary") return "forgeable";
  return flags === "" ? "known" : undefined;
}

function decideBinary(
  filter: FilterOn<"binary">,
  process: RecordedProcess,
  unknownHolds: boolean,
): Decided {
  const fact = knownBinary(process);
  if (filter.match === "file" || fact === undefined) return "undecided";
  const call = { binary: process.binary, facts: { binary: fact } };
  if (!filter.followChildren) return evaluated(filter, call, unknownHolds);
  if (fact === "forgeable") return "undecided";
  const own = evaluated({ ...filter, negate: false }, call, unknownHolds);
  const { match, paths, negate } = filter;
  const above = { on: "ancestor-binary", negate: false, match, paths } as const;
  const either = anyOf([own, decideLineage(above, process, unknownHolds)]);
  return negate ? opposite[either] : either;
}

/**
 * Events have what each ancestor ran when the process came to be, not all that it ever ran: an ancestor that is on the
 * list decides, none does not.
 */
function decideLineage(
  filter: FilterOn<"parent-binary" | "ancestor-binary">,
  { parent, ancestors = [] }: RecordedProcess,
  unknownHolds: boolean,
): Decided {
  if (parent === undefined) return "undecided";
  const fact = knownBinary(parent);
  if (filter.on === "parent-binary" && !filter.followChildren) {
    if (fact === undefined) return "undecided";
    const facts = fact === "forgeable" ? { parent: fact } : {};
    return evaluated(filter, { parent: parent.binary, facts }, unknownHolds);
  }
  const ancestorBinaries = [...(fact === "known" ? [parent.binary] : []), ...ancestors].filter(
    (binary) => knownBinary({ binary }) !== undefined,
  );
  const { match, paths, negate } = filter;
  const above = { on: "ancestor-binary", negate: false, match, paths } as const;
  if (evaluated(above, { ancestorBinaries }, unknownHolds) === "fails") return "undecided";
  return negate ? "fails" : "holds";
}

function decidePid(filter: FilterOn<"pid">, { pid, inInitTree }: RecordedProcess): Decided {
  if (filter.followForks) {
    const isTree = filter.pids.every((one) => one < 2) && inInitTree;
    return isTree ? evaluated(filter, inTree, false) : "undecided";
  }
  if (filter.inNamespace || pid === undefined) return "undecided";
  return evaluated(filter, { pid }, false);
}

/** Whether the workloads that a policy, or a selector, is for include the process. */
export function belongs(
  { podSelector, containerSelector, host }: WorkloadSelector,
  { pod, container }: RecordedProcess,
  namespace = "",
): Decided {
  // In a container of which no more is known.
  if (pod === undefined && container !== undefined) return "undecided";
  if (pod === undefined) return decided(host);
  if (namespace !== "" && pod.namespace !== namespace) return "fails";
  const hasSelector = podSelector !== undefined || containerSelector !== undefined;
  if (!hasSelector && host) return "fails";
  return allOf([isChosen(podSelector, pod), isContainer(containerSelector, pod)]);
}

type Labels = NonNullable<WorkloadSelector["podSelector"]>;

function isChosen(selector: Labels | undefined, { namespace, labels }: RecordedPod): Decided {
  if (selector === undefined) return "holds";
  if (labels === undefined && keysOf(selector).some((key) => key !== namespaceLabel))
    return "undecided";
  return decided(selects(selector, podLabels({ namespace, labels: labels ?? {} })));
}

/** An image may have another name on the node than in the pod's spec, so only the container's own decides. */
function isContainer(selector: Labels | undefined, { container }: RecordedPod): Decided {
  if (selector === undefined) return "holds";
  if (container === undefined || keysOf(selector).some((key) => key !== "name")) return "undecided";
  return decided(selects(selector, labelsOf({ name: container })));
}

const keysOf = ({ matchLabels, matchExpressions }: Labels): readonly string[] => [
  ...Object.keys(matchLabels),
  ...matchExpressions.map(({ key }) => key),
];

function evaluated(filter: PlainFilter, known: Partial<Call>, unknownHolds: boolean): Decided {
  return decided(filterOutcome(filter, { ...nothing, ...known }, unknownHolds));
}

const namespaces = {
  ...{ uts: 0n, ipc: 0n, mnt: 0n, pid: 0n, pid_for_children: 0n, net: 0n },
  ...{ time: 0n, time_for_children: 0n, cgroup: 0n, user: 0n },
};
const capabilities = { effective: 0n, inheritable: 0n, permitted: 0n };

/** What no filter reads that is evaluated with it. */
const nothing: Call = {
  ...{ args: [], returned: 0n, pid: 0, nsPid: 0, ancestors: { zero: false, first: false } },
  ...{ binary: "", file: { inode: 0n, device: 0, generation: 0 }, hostFiles: new Map() },
  ...{ namespaces, hostNamespaces: namespaces, capabilities, properties: {} },
  ...{ exec: { args: [], env: [] }, parent: "", ancestorBinaries: [] },
  before: { namespaces, capabilities },
};
