// SPDX-License-Identifier: Apache-2.0
import {
  argOperatorsByName,
  argTests,
  type OriginWord,
  originNumbers,
  originPlaces,
  originUnlinked,
  originWords,
  type ProcessProperty,
  processProperties,
  typeRow,
} from "@gander/crd-schemas";
import {
  type ArgTest,
  type CompiledArg,
  type CompiledFilter,
  type CompiledHook,
  type FilterOfSets,
  hasForm,
  type Network,
  type TestOf,
} from "../compiled-policy.ts";
import * as names from "../language/kernel-names.ts";
import { quote } from "../language/values.ts";
import { setReference } from "../sets/set-reference.ts";
import { markText } from "./mark-text.ts";
import { pairText } from "./pair-text.ts";
import { words } from "./words.ts";
import { processesOf } from "./workload-text.ts";

/** The condition that a filter is. */
export function filterText(filter: CompiledFilter, hook: CompiledHook): string {
  switch (filter.on) {
    case "arg":
      return argText(filter, hook);
    case "any":
      return filter.of
        .map((all) => all.map((one) => filterText(one, hook)).join(" and "))
        .join("; or ");
    case "expression":
      return `${filter.text}, by the types that the kernel gives its arguments`;
    case "untyped":
      return `${untypedText(subject(filter.arg, hook), filter)}, compared by the type that it has in the kernel`;
    case "of-sets":
      return textOfSets(filter, hook);
    case "pid":
      return pidText(filter);
    case "binary":
      return `the program ${paths(filter)}${followed(filter, "a process of such a program")}`;
    case "parent-binary":
      return `the parent's program ${paths(filter)}${followed(filter, "a child of such a one")}`;
    case "ancestor-binary":
      return `${filter.negate ? "no" : "an"} ancestor of the process has run a program that ${paths({ ...filter, negate: false })}`;
    case "workloads":
      return `the process is one of the ${processesOf(filter.workloads, "")}`;
    case "exec-argument":
      return filter.index === undefined
        ? `${filter.test.negate ? "no" : "an"} argument of the new program ${textPhrase({ ...filter.test, negate: false })}`
        : `argument ${filter.index} of the new program ${textPhrase(filter.test)}`;
    case "exec-variable": {
      const variable = `the new program's variable ${words(filter.names, "or")}`;
      return filter.test.op === "exists"
        ? `${variable} is ${filter.test.negate ? "not " : ""}set`
        : `${variable} ${textPhrase(filter.test)}`;
    }
    case "count":
      return `it is at least call number ${filter.atLeast} within ${filter.withinMs / 1000} s for which all of this holds, ${countedBy[filter.per]}`;
    case "marked":
      return `NotifyEnforcer has marked the system call with ${words(markText(filter), "and")}`;
    case "namespace":
      return `the process's ${filter.namespace} namespace ${is(filter.negate)} ${words(
        filter.ids.map((id) => (id === "host" ? "the host's" : `${id}`)),
        "or",
      )}`;
    case "namespace-change":
      return `the process's ${words(filter.namespaces, "or")} namespace is another than when its program started`;
    case "capability":
      return `the process ${filter.negate ? "has none" : "has one"} of the ${filter.set} capabilities ${capabilityNames(filter.capabilities)}${inUserNamespace(filter)}`;
    case "capability-change":
      return `the process's ${filter.set} capabilities are others than when its program started, ${filter.negate ? "but not in" : "in"} ${capabilityNames(filter.capabilities)}${inUserNamespace(filter)}`;
    case "process":
      return processText(filter);
  }
}

function argText(
  { arg, test }: Extract<CompiledFilter, { on: "arg" }>,
  hook: CompiledHook,
): string {
  const what = subject(arg, hook);
  if (test.op === "gained")
    return `${what} has ${gainedText(test.values)} that ${subject(test.before, hook)} lacks`;
  if (hasForm(test, "pairs")) return pairText(what, subject(test.other, hook), test);
  return testText(what, test, { inSockaddr: isSockaddr(arg, hook) });
}

const countedBy = {
  process: "counted for each process",
  container: "counted for each container together",
} as const;

const followed = (
  { followChildren, negate }: { readonly followChildren: boolean; readonly negate: boolean },
  ancestor: string,
): string => {
  if (!followChildren) return "";
  return negate
    ? `, and the process does not descend from ${ancestor}`
    : `, or the process descends from ${ancestor}`;
};

type Subject = { readonly isReturn: boolean };

/** How an argument is called in sentences: `argument 1 (int)`. */
export function argumentText(arg: CompiledArg, { isReturn }: Subject): string {
  const what = isReturn
    ? "the return value"
    : arg.source === undefined
      ? `argument ${arg.index}`
      : arg.source === "registers"
        ? "the register"
        : "the current task";
  const behind = arg.resolve === undefined ? "" : ` → ${arg.resolve}`;
  const label = arg.label === "" ? "" : `, ${quote(arg.label)}`;
  return `${what}${behind} (${arg.type}${label})`;
}

function subject(position: number | "return", hook: CompiledHook): string {
  const isReturn = position === "return";
  const arg = isReturn ? hook.returnArg : hook.args[position];
  if (arg === undefined) return isReturn ? "the return value" : `argument ${position}`;
  const text = argumentText(arg, { isReturn });
  const isPath = arg.type !== "auto" && typeRow(arg.type).family === "path";
  return isPath ? `the path of ${text}` : text;
}

const is = (negate: boolean) => (negate ? "is not" : "is");

type TestRow = { readonly verbs: readonly [string, string]; readonly part?: string };

/** Of an argument whose type only a kernel knows. */
function untypedText(what: string, filter: Extract<CompiledFilter, { on: "untyped" }>): string {
  const row = argOperatorsByName.get(filter.operator);
  const tests: Readonly<Record<string, TestRow>> = { ...argTests, "in-map": argTests["in-set"] };
  const kind = row?.kind ?? "";
  const test = kind === "gained" ? undefined : (tests[kind] ?? tests[`str-${kind}`]);
  const compared =
    test === undefined
      ? `${what} passes the test ${filter.operator} with`
      : `${partOf(test, what)} ${test.verbs[row?.negate ? 1 : 0]}`;
  const values = filter.values.length === 0 ? "" : ` ${words(filter.values.map(quote), "or")}`;
  return `${compared}${values}`;
}

/** A set stands in the text as it does in the policy. */
function textOfSets({ filter, sets }: FilterOfSets, hook: CompiledHook): string {
  const names = sets.map(setReference);
  if (filter.on === "untyped") {
    const values = [...filter.values, ...names];
    return untypedText(subject(filter.arg, hook), { ...filter, values });
  }
  if ("paths" in filter) return filterText({ ...filter, paths: [...filter.paths, ...names] }, hook);
  const { test } = filter;
  if (test.op === "exists") return filterText(filter, hook);
  return filterText({ ...filter, test: { ...test, values: [...test.values, ...names] } }, hook);
}

const partOf = ({ part }: TestRow, what: string): string => {
  if (part === undefined) return what;
  // The type of a file and where it comes from are not those of its path.
  return `the ${part} of ${what.replace(/^the path of /, "the file of ")}`;
};

/** A `sockaddr` has one address, whatever operator names it: at connect(2) it is the one connected to. */
const partsOfSockaddr: Readonly<Partial<Record<ArgTest["op"], string>>> = {
  saddr: "the address in",
  daddr: "the address in",
  sport: "the port in",
  dport: "the port in",
};

const isSockaddr = (position: number | "return", { args }: CompiledHook): boolean =>
  position !== "return" && args[position]?.type === "sockaddr";

/** Undefined for numbers that have no name. */
const named = (table: Readonly<Record<string, number>>) => (value: number) =>
  Object.keys(table).find((name) => table[name] === value) ?? `${value}`;

const numberTexts = {
  "file-type": named(names.fileTypes),
  protocol: named(names.protocols),
  family: named(names.families),
  state: named(names.tcpStates),
} as const;

/** The words that a policy writes for these numbers. */
function originTexts(numbers: readonly number[]): readonly string[] {
  const left = new Set(numbers);
  const found: string[] = [];
  for (const word of originWords as readonly OriginWord[]) {
    const all = originNumbers(word);
    if (!all.every((number) => numbers.includes(number)) || !all.some((one) => left.has(one)))
      continue;
    found.push(word);
    for (const number of all) left.delete(number);
  }
  return [...found, ...[...left].map(originName)];
}

/** Of a policy that was compiled by another version. */
function originName(number: number): string {
  const place = number % originUnlinked;
  const name = Object.entries(originPlaces).find(([, at]) => at === place)?.[0] ?? `${place}`;
  return number < originUnlinked ? name : `${name} (unlinked)`;
}

const allBits = 2n ** 64n - 1n;

function gainedText(masks: readonly bigint[]): string {
  const [bits = allBits] = masks;
  if (bits === allBits) return "a capability";
  const numbers = Array.from({ length: 64 }, (_, bit) => bit);
  return capabilityNames(numbers.filter((bit) => ((bits >> BigInt(bit)) & 1n) === 1n));
}

function testText(
  what: string,
  test: Exclude<ArgTest, { op: "gained" } | TestOf<"pairs">>,
  { inSockaddr }: { readonly inSockaddr: boolean },
): string {
  const row = argTests[test.op];
  const inIt = inSockaddr ? partsOfSockaddr[test.op] : undefined;
  const compared = inIt === undefined ? partOf(row, what) : `${inIt} ${what}`;
  return `${compared} ${row.verbs[test.negate ? 1 : 0]} ${testedText(test)}`;
}

function testedText(test: Exclude<ArgTest, { op: "gained" } | TestOf<"pairs">>): string {
  switch (test.op) {
    case "range":
      return words(test.ranges.map(rangeText), "or");
    case "saddr":
    case "daddr":
      return words(test.networks.map(networkText), "or");
    case "sport":
    case "dport":
      return words(test.ranges.map(rangeText), "or");
    case "mask":
      return test.values.map(hex).join();
    case "file-type":
    case "protocol":
    case "family":
    case "state":
      return words(test.values.map(numberTexts[test.op]), "or");
    case "origin":
      return words(originTexts(test.values), "or");
    default:
      return hasForm(test, "texts")
        ? words(test.values.map(quote), "or")
        : words(test.values.map(String), "or");
  }
}

const textPhrase = ({ op, negate, values }: TestOf<"texts">): string =>
  `${argTests[op].verbs[negate ? 1 : 0]} ${words(values.map(quote), "or")}`;

const hex = (value: bigint) => `0x${value.toString(16)}`;

const rangeText = ([low, high]: readonly [bigint | number, bigint | number]): string =>
  low === high ? `${low}` : `${low} to ${high}`;

function networkText({ family, address, prefixLength }: Network): string {
  const bytes = Buffer.from(address, "hex");
  if (family === 4) return `${[...bytes].join(".")}/${prefixLength}`;
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  // The longest run of zero groups is written as ::, as an URL does.
  const { hostname } = new URL(`http://[${groups.join(":")}]`);
  return `${hostname.slice(1, -1)}/${prefixLength}`;
}

const pathVerbs = {
  equal: ["is", "is not"],
  prefix: ["begins with", "does not begin with"],
  postfix: ["ends with", "does not end with"],
  file: ["is the very file", "is not the very file"],
} as const;

type Paths = {
  readonly match: keyof typeof pathVerbs;
  readonly negate: boolean;
  readonly paths: readonly string[];
};

const paths = ({ match, negate, paths }: Paths): string =>
  `${pathVerbs[match][negate ? 1 : 0]} ${words(paths.map(quote), "or")}`;

function pidText(filter: Extract<CompiledFilter, { on: "pid" }>): string {
  const { negate, pids, inNamespace, followForks } = filter;
  if (inNamespace && followForks) return treeText(pids, negate);
  return `the process's PID${inNamespace ? " in its namespace" : ""} ${is(negate)} ${words(pids.map(String), "or")}${followForks ? `, ${negate ? "nor" : "or"} that of an ancestor` : ""}`;
}

/** PID 0 stands for all in the host's pid namespace; PID 1 is the first process of it, too. */
function treeText(pids: readonly number[], negate: boolean): string {
  if (!pids.includes(1))
    return `the process ${is(negate)} in the host's pid namespace (outside of containers)`;
  if (pids.includes(0))
    return negate
      ? broughtIn
      : "the process is in the host's pid namespace or descends from its container's first process";
  return negate
    ? "the process does not descend from its container's first process (on the host: from the host's, as only what the kernel itself starts)"
    : "the process descends from its container's first process (on the host: from the host's, as all but what the kernel itself starts)";
}

const broughtIn =
  "the process is in a container and does not descend from the container's first process";

const capabilityNames = (numbers: readonly number[]): string =>
  words(
    numbers.map((number) => `CAP_${names.capabilities[number] ?? number}`),
    "or",
  );

const inUserNamespace = ({ inUserNamespace }: { readonly inUserNamespace: boolean }): string =>
  inUserNamespace ? ", in a user namespace that is not the host's" : "";

function processText({
  property,
  negate,
  ranges,
}: Extract<CompiledFilter, { on: "process" }>): string {
  const { form } = processProperties[property];
  const what = propertyTexts[property];
  if (typeof what !== "string")
    return ranges.some(([low]) => low === 1) === negate ? what.no : what.yes;
  return `${what} ${is(negate)} ${words(valuesText(form, ranges), "or")}`;
}

/** A sentence for each answer, or the subject of one. */
const propertyTexts: Readonly<
  Record<ProcessProperty, string | { readonly yes: string; readonly no: string }>
> = {
  Age: "the age of the process",
  InInitTree: {
    yes: "the process is in a container and descends from the container's first process",
    no: broughtIn,
  },
  Terminal: {
    yes: "the process has a controlling terminal",
    no: "the process has no controlling terminal",
  },
  User: "the process's real user",
  EffectiveUser: "the process's effective user",
  Group: "the process's real group",
  EffectiveGroup: "the process's effective group",
  StandardInput: "the process's standard input (descriptor 0)",
  StandardOutput: "the process's standard output (descriptor 1)",
  StandardError: "the process's standard error (descriptor 2)",
  Origin: "the origin of the process's program",
};

const fileTypeNouns: Readonly<Record<string, string>> = {
  sock: "a socket",
  lnk: "a symbolic link",
  reg: "a regular file",
  blk: "a block device",
  dir: "a folder",
  chr: "a character device",
  fifo: "a pipe (FIFO)",
};

type Ranges = Extract<CompiledFilter, { on: "process" }>["ranges"];

function valuesText(
  form: (typeof processProperties)[ProcessProperty]["form"],
  ranges: Ranges,
): readonly string[] {
  switch (form) {
    case "duration":
      return ranges.map(([low, high]) => {
        if (low === 0) return `less than ${high + 1} s`;
        return high === 0xffff_ffff ? `more than ${low - 1} s` : `${rangeText([low, high])} s`;
      });
    case "flag":
    case "id":
      return ranges.map(rangeText);
    case "file-type":
      return ranges.flatMap(eachOf).map((value) => {
        const name = numberTexts["file-type"](value);
        return fileTypeNouns[name] ?? name;
      });
    case "origin":
      return originTexts(ranges.flatMap(eachOf));
  }
}

/** Ranges that follow each other are one in compiled policies. */
const eachOf = ([low, high]: Ranges[number]): readonly number[] =>
  Array.from({ length: high - low + 1 }, (_, i) => low + i);
