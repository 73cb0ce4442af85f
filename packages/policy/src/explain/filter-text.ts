// SPDX-License-Identifier: Apache-2.0
import {
  argTests,
  originPlaces,
  originUnlinked,
  processProperties,
  typeRow,
} from "@gander/crd-schemas";
import {
  type ArgTest,
  type CompiledArg,
  type CompiledFilter,
  type CompiledHook,
  hasForm,
  type Network,
  type TestOf,
} from "../compiled-policy.ts";
import * as names from "../language/kernel-names.ts";
import { quote } from "../language/values.ts";
import { markText } from "./mark-text.ts";
import { words } from "./words.ts";
import { processesOf } from "./workload-text.ts";

/** The condition that a filter is. */
export function filterText(filter: CompiledFilter, hook: CompiledHook): string {
  switch (filter.on) {
    case "arg":
      return filter.test.op === "gained"
        ? `${subject(filter.arg, hook)} has ${gainedText(filter.test.values)} that ${subject(filter.test.before, hook)} lacks`
        : testText(subject(filter.arg, hook), filter.test);
    case "any":
      return filter.of
        .map((all) => all.map((one) => filterText(one, hook)).join(" and "))
        .join("; or ");
    case "expression":
      return `${filter.text}, by the types that the kernel gives its arguments`;
    case "untyped":
      return `${subject(filter.arg, hook)}: ${filter.operator} ${words(filter.values.map(quote), "or")}, by the type that the kernel gives it`;
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
      return `the process's ${filter.set} capabilities are others than when its program started, ${filter.negate ? "beyond" : "in"} ${capabilityNames(filter.capabilities)}${inUserNamespace(filter)}`;
    case "process":
      return processText(filter);
  }
}

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

/** Undefined for numbers that have no name. */
const named = (table: Readonly<Record<string, number>>) => (value: number) =>
  Object.keys(table).find((name) => table[name] === value) ?? `${value}`;

const numberTexts = {
  "file-type": named(names.fileTypes),
  protocol: named(names.protocols),
  family: named(names.families),
  state: named(names.tcpStates),
  origin: originName,
} as const;

/** By its number in compiled policies. */
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

function testText(what: string, test: Exclude<ArgTest, { op: "gained" }>): string {
  const row = argTests[test.op];
  // The type of a file and where it comes from are not those of its path.
  const whole = test.op === "file-type" || test.op === "origin" ? fileOf(what) : what;
  const part = "part" in row ? `the ${row.part} of ${whole}` : whole;
  return `${part} ${row.verbs[test.negate ? 1 : 0]} ${valuesText(test)}`;
}

const fileOf = (path: string): string => path.replace(/^the path of /, "the file of ");

function valuesText(test: Exclude<ArgTest, { op: "gained" }>): string {
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
    case "origin":
      return words(test.values.map(numberTexts[test.op]), "or");
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
  if (inNamespace && followForks)
    return `the process ${negate ? "does not descend" : "descends"} from ${words(
      pids.map((pid) => (pid === 1 ? "its container's first process" : "the host's first process")),
      "or",
    )}`;
  return `the process's PID${inNamespace ? " in its namespace" : ""} ${is(negate)} ${words(pids.map(String), "or")}${followForks ? `, ${negate ? "nor" : "or"} that of an ancestor` : ""}`;
}

const capabilityNames = (numbers: readonly number[]): string =>
  words(
    numbers.map((number) => `CAP_${names.capabilities[number] ?? number}`),
    "or",
  );

const inUserNamespace = ({ inUserNamespace }: { readonly inUserNamespace: boolean }): string =>
  inUserNamespace ? ", in a user namespace that is not the host's" : "";

function processText(filter: Extract<CompiledFilter, { on: "process" }>): string {
  const { property, negate, ranges } = filter;
  const { form, help } = processProperties[property];
  if (form === "flag")
    return `${help}: ${ranges.some(([low]) => low === 1) === negate ? "no" : "yes"}`;
  const values = ranges.map(([low, high]) => propertyText(form, low, high));
  return `${help}: ${negate ? "not " : ""}${words(values, "or")}`;
}

function propertyText(
  form: Exclude<(typeof processProperties)[keyof typeof processProperties]["form"], "flag">,
  low: number,
  high: number,
): string {
  switch (form) {
    case "duration":
      if (low === 0) return `less than ${high + 1} s`;
      return high === 0xffff_ffff ? `more than ${low - 1} s` : `${rangeText([low, high])} s`;
    case "id":
      return rangeText([low, high]);
    case "file-type":
    case "origin":
      return numberTexts[form](low);
  }
}
