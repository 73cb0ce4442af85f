// SPDX-License-Identifier: Apache-2.0
import { hookOfMessage } from "./companion-policy.ts";
import type {
  NeededFact,
  RecordedArg,
  RecordedHook,
  RecordedPod,
  RecordedProcess,
  RecordedValue,
} from "./recording-format.ts";

/** A call as an event shows it, without what nothing tells apart. */
export type RecordedCall = {
  readonly hook: number;
  readonly function?: string;
  readonly args: readonly RecordedValue[];
  readonly returned?: RecordedValue;
  readonly process: RecordedProcess;
  readonly time: string;
};

type Json = Readonly<Record<string, unknown>>;

const bodies = [
  "process_kprobe",
  "process_lsm",
  "process_tracepoint",
  "process_uprobe",
  "process_usdt",
] as const;

/**
 * The call that an event of a companion reports.
 * @param event in the form of the JSON export.
 * @returns undefined: it is another event.
 */
export function recordedCall(
  event: Json,
  hooks: readonly RecordedHook[],
  needed: ReadonlySet<NeededFact>,
): RecordedCall | undefined {
  const body = bodies.map((name) => event[name]).find(isRecord);
  const number = body && hookOfMessage(body.message);
  const hook = number === undefined ? undefined : hooks[number];
  if (body === undefined || number === undefined || hook === undefined) return undefined;
  const { args, returned } = valuesOf(body, hook);
  const called = text(body.function_name) || text(body.symbol);
  const isOneOfMany = hook.others !== undefined || hook.generated !== undefined;
  return {
    hook: number,
    ...(isOneOfMany && called !== "" && { function: called }),
    args,
    ...(returned && { returned }),
    process: processOf(body, needed),
    time: text(event.time),
  };
}

/** Events have arguments and data apart, and none of type nop. */
function valuesOf(body: Json, hook: RecordedHook) {
  const given = { args: listOf(body.args), data: listOf(body.data) };
  const isData = ({ source }: RecordedArg) => source !== undefined;
  const shown = hook.args.filter(({ type }) => type !== "nop");
  // Events of uprobes have a returned value as the last argument.
  const isLast = hook.kind === "uprobe" && hook.returnArg !== undefined;
  const last = isLast ? given.args.pop() : undefined;
  const fits =
    given.data.length === shown.filter(isData).length &&
    given.args.length === shown.length - given.data.length;
  const args = hook.args.map((arg) => {
    if (arg.type === "nop" || !fits) return null;
    const found = (isData(arg) ? given.data : given.args).shift();
    return kept(found, arg);
  });
  const value = isLast ? last : body.return;
  return { args, returned: hook.returnArg && kept(value, hook.returnArg) };
}

/** Fields that differ from call to call, and that no filter tests. */
const volatile = ["cookie", "mark", "priority", "hash", "len"];

function kept(value: unknown, arg: RecordedArg): RecordedValue {
  if (!arg.kept || !isRecord(value)) return null;
  const { label: _, ...plain } = value;
  const [[field, content] = ["", undefined]] = Object.entries(plain);
  if (!isRecord(content) || !/^(sock|skb)_arg$/.test(field)) return plain;
  const left = arg.keptSourcePort ? volatile : [...volatile, "sport"];
  return {
    [field]: Object.fromEntries(Object.entries(content).filter(([name]) => !left.includes(name))),
  };
}

function processOf(body: Json, needed: ReadonlySet<NeededFact>): RecordedProcess {
  const process = isRecord(body.process) ? body.process : {};
  const tree = isRecord(process.in_init_tree) ? process.in_init_tree.value : process.in_init_tree;
  const pod = isRecord(process.pod) ? podOf(process.pod) : undefined;
  const container = text(process.docker);
  const flags = missing(process.flags);
  return {
    binary: text(process.binary),
    ...(flags && { flags }),
    inInitTree: tree === true,
    ...(pod && { pod }),
    ...(container !== "" && pod === undefined && { container }),
    ...(needed.has("pid") && { pid: numberOf(process.pid) }),
    ...(needed.has("parent") && parentOf(body.parent)),
    ...(needed.has("ancestors") && Array.isArray(body.ancestors) && ancestorsOf(body.ancestors)),
  };
}

/** Words that say what an event lacks of a process; the others say where it came from. */
const lacking = ["truncFilename", "errorFilename", "unknown", "forgeableBinary"];

const missing = (flags: unknown): string =>
  text(flags)
    .split(" ")
    .filter((word) => lacking.includes(word))
    .join(" ");

function parentOf(parent: unknown): Pick<RecordedProcess, "parent"> {
  if (!isRecord(parent)) return {};
  const flags = missing(parent.flags);
  return { parent: { binary: text(parent.binary), ...(flags && { flags }) } };
}

const ancestorsOf = (ancestors: readonly unknown[]): Pick<RecordedProcess, "ancestors"> => ({
  ancestors: ancestors.filter(isRecord).map(({ binary }) => text(binary)),
});

function podOf(pod: Json): RecordedPod {
  const container = isRecord(pod.container) ? pod.container : {};
  const labels = isRecord(pod.pod_labels) ? pod.pod_labels : undefined;
  return {
    ...{ namespace: text(pod.namespace), name: text(pod.name) },
    ...some("container", text(container.name)),
    ...some("workload", text(pod.workload)),
    ...(labels && {
      labels: Object.fromEntries(Object.entries(labels).map(([key, one]) => [key, text(one)])),
    }),
  };
}

const some = <K extends string>(key: K, value: string) =>
  (value === "" ? {} : { [key]: value }) as { readonly [k in K]?: string };

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number =>
  Number(isRecord(value) ? (value.value ?? 0) : (value ?? 0));
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? [...value] : []);

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
