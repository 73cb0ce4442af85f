// SPDX-License-Identifier: Apache-2.0

import { nearestName } from "@gander/base";
import { linearRegex } from "@gander/base/linear-regex";
import type { CompiledHook } from "../compiled-policy.ts";
import { type SyscallAbi, syscallNames, syscallNumber } from "../language/syscall-numbers.ts";
import { quote } from "../language/values.ts";
import { limits } from "../limits.ts";
import { type LooseSpec, wasRefused } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { compatSyscall, readFunction } from "./function-name.ts";

/** Functions of the kernel, or system calls; of a generated list the kernel has the names. */
export type FunctionList = Pick<CompiledHook, "generated"> & {
  readonly targets: readonly string[];
  readonly syscall: boolean;
};

/** The sets of functions that a policy names. */
export type FunctionLists = {
  /** Whether there is a list of that name, right or wrong. */
  has(name: string): boolean;
  /** Of the list of that name; `place` is where it is used. Empty if there was an error. */
  functions(name: string, place: Scope): FunctionList;
  /**
   * Numbers of the system calls in the list of that name, as an argument has them that tells the two tables
   * apart, or doesn't. Undefined if there was an error.
   */
  numbers(name: string, place: Scope, tables: "both" | "one"): readonly number[] | undefined;
};

type ListSpec = NonNullable<NonNullable<LooseSpec["lists"]>[number]>;
type ListType = NonNullable<ListSpec["type"]> | "functions";

type Member = { readonly name: string; readonly abi: SyscallAbi; readonly place: Scope };
type List = Pick<CompiledHook, "generated"> & {
  readonly type: ListType;
  readonly members: readonly Member[];
};

/** Reads each list once, however many hooks use it. */
export function readLists(specs: readonly (ListSpec | undefined)[], scope: Scope): FunctionLists {
  const lists = new Map<string, List>();
  const names = new Set(specs.map((spec) => spec?.name));
  const has = (name: string) => names.has(name);
  for (const [i, spec] of specs.entries()) {
    if (spec === undefined) continue;
    const place = scope.at(i);
    if (lists.has(spec.name))
      place
        .at("name")
        .error("policy-rule", `There are two lists "${spec.name.slice(0, 80)}"`, "Rename one.");
    else lists.set(spec.name, readList(spec, place));
  }
  const generated = [...lists.values()].filter((list) => list.generated !== undefined);
  if (generated.length > limits.generatedLists)
    scope.error(
      "policy-out-of-bounds",
      `${generated.length} lists are generated; ${limits.generatedLists} are possible`,
      "Join patterns: `^(vfs_read|vfs_write)`.",
    );
  // A list whose shape was refused has no name here.
  const isComplete = specs.every((spec) => spec !== undefined);
  const listOf = (name: string, place: Scope, usable: (list: List) => boolean) => {
    const found = lists.get(name);
    if (found === undefined && isComplete) {
      const known = [...lists].filter(([, list]) => usable(list)).map(([one]) => one);
      place.error("policy-bad-name", ...noList(name, known));
    }
    return found;
  };
  const onlyOnce = createOnce();
  return {
    has,
    functions(name, place) {
      const list = listOf(name, place, () => true);
      return list === undefined ? { targets: [], syscall: true } : toHook(list);
    },
    numbers(name, place, tables) {
      const list = listOf(name, place, ({ type }) => type === "syscalls");
      return list && toCompare(list, { name, place, tables, onlyOnce });
    },
  };
}

function noList(name: string, known: readonly string[]): [message: string, hint: string] {
  const near = nearestName(name, known);
  const some = known.slice(0, namedLists).map((one) => `"list:${one}"`);
  const hint =
    near !== undefined
      ? `Did you mean "list:${near}"?`
      : some.length > 0
        ? `Possible: ${some.join(", ")}${known.length > namedLists ? ", …" : ""}. Or add the list below spec.lists.`
        : "Add the list below spec.lists.";
  return name === ""
    ? ['"list:" names no list', hint]
    : [`There is no list "${name.slice(0, 80)}"`, hint];
}

/** Lists that a message names. */
const namedLists = 8;

/** Several hooks may use the member of a list that is wrong for each of them. */
type OnlyOnce = (member: Member, report: () => void) => void;

function createOnce(): OnlyOnce {
  const reported = new Set<Member>();
  return (member, report) => {
    if (!reported.has(member)) report();
    reported.add(member);
  };
}

function toHook({ type, members, generated }: List): FunctionList {
  const targets = members.map(({ name, abi }) => (abi === "i386" ? compatSyscall(name) : name));
  return {
    targets: [...new Set(targets)],
    syscall: type === "syscalls" || type === "generated_syscalls",
    ...(generated === undefined ? {} : { generated }),
  };
}

type Comparison = {
  readonly name: string;
  readonly place: Scope;
  readonly tables: "both" | "one";
  readonly onlyOnce: OnlyOnce;
};

/** The bit of a number of the other table (SYSCALL_COMPAT_BIT in bpf/records.h). */
const compat = 2 ** 31;

function toCompare(
  { type, members }: List,
  { name, place, tables, onlyOnce }: Comparison,
): readonly number[] | undefined {
  if (type !== "syscalls") {
    place.error(
      "policy-rule",
      `Only lists of type syscalls have numbers, and "${name.slice(0, 80)}" has ${type === "generated_syscalls" ? "all system calls" : "functions"}`,
      type === "generated_syscalls"
        ? "Leave the filter out: it would hold for every call."
        : "Add a list with `type: syscalls` and names of system calls, and name that one here.",
    );
    return undefined;
  }
  const numbers = members.flatMap((member) => {
    const number = numberOf(member, tables);
    if (typeof number === "number") return [number];
    onlyOnce(member, () => member.place.error("policy-bad-value", number.wrong, number.hint));
    return [];
  });
  return numbers.length === members.length ? numbers : undefined;
}

function numberOf(
  { name, abi }: Member,
  tables: "both" | "one",
): number | { readonly wrong: string; readonly hint: string } {
  if (abi === "i386" && tables === "one")
    return {
      wrong: "Only an argument of type syscall64 tells 32-bit system calls from others",
      hint: "Write `type: syscall64` for the argument that is compared.",
    };
  const number = syscallNumber(name.replace("sys_", ""), abi);
  if (number !== undefined) return abi === "i386" ? number + compat : number;
  const near = nearestName(name.replace("sys_", ""), syscallNames(abi));
  return {
    wrong: `The number of ${quote(name)} is not known`,
    hint:
      near === undefined
        ? "Write the number in the filter, beside the list."
        : `Did you mean "sys_${near}"? The number of a newer call can be written in the filter, beside the list.`,
  };
}

function readList(spec: ListSpec, scope: Scope): List {
  const { type = "functions", values = [], pattern = "" } = spec;
  if (type === "generated_syscalls" || type === "generated_ftrace")
    return { type, members: [], ...readGenerated(type, spec, scope) };
  if (pattern !== "")
    scope
      .at("pattern")
      .onKey.error(
        "policy-rule",
        "A pattern belongs to a list of type generated_ftrace",
        values.length === 0
          ? "Add `type: generated_ftrace` to the list."
          : "Remove it, or the values.",
      );
  // A pattern has an error of its own.
  if (values.length === 0 && pattern === "" && !wasRefused(spec, "values"))
    scope
      .at("name")
      .error("policy-empty", "The list is empty", "Write names of functions below values.");
  const syscall = type === "syscalls";
  const members = values.flatMap((value, i) =>
    value === undefined ? [] : (readMember(value, type, values, scope.at("values", i)) ?? []),
  );
  if (values.length > 0 && values.every((value) => foreign.includes(abiOf(value, syscall))))
    scope
      .at("values")
      .error("policy-empty", "The list has nothing for x86-64", "Add a name, such as sys_dup.");
  return { type, members };
}

/** The kernel has the names: each node that of its own. */
function readGenerated(
  type: "generated_syscalls" | "generated_ftrace",
  { values = [], pattern = "" }: ListSpec,
  scope: Scope,
): Pick<List, "generated"> {
  if (values.length > 0)
    scope
      .at("values")
      .onKey.error(
        "policy-rule",
        `The kernel has the names of a list of type ${type}`,
        type === "generated_ftrace"
          ? "Write `pattern:` with a regular expression in their place, or remove the type."
          : "Remove the values, or the type.",
      );
  if (type === "generated_syscalls") {
    if (pattern !== "")
      scope
        .at("pattern")
        .onKey.error(
          "policy-rule",
          "A list of type generated_syscalls has all system calls",
          "Remove the pattern, or write `type: generated_ftrace`.",
        );
    return { generated: { by: "syscalls" } };
  }
  if (pattern === "" && values.length > 0) return {};
  const problem = problemOfPattern(pattern);
  if (problem === undefined) return { generated: { by: "pattern", pattern } };
  const place = pattern === "" ? scope.at("type") : scope.at("pattern");
  place.error(pattern === "" ? "policy-missing-field" : "policy-bad-value", ...problem);
  return {};
}

function problemOfPattern(pattern: string): [message: string, hint: string] | undefined {
  if (pattern === "")
    return [
      "A list of type generated_ftrace needs a pattern",
      'Add `pattern: "^vfs_"`: a regular expression for names of functions.',
    ];
  const hint = 'Write a regular expression as in `pattern: "^tcp_(connect|close)$"`.';
  try {
    const { size } = linearRegex(pattern);
    if (pattern.length <= limits.patternCharacters && size <= limits.patternStates)
      return undefined;
    return [
      `A pattern may have ${limits.patternCharacters} characters, and ${limits.patternStates} states with its repeats written out`,
      "Write a shorter one, or several lists.",
    ];
  } catch (error) {
    return [
      `${quote(pattern)} is not a regular expression: ${error instanceof Error ? error.message : error}`,
      hint,
    ];
  }
}

const foreign = ["arm64", "arm32"];

const abiOf = (value = "", syscall: boolean): string =>
  (syscall ? /^(\w+)\//.exec(value)?.[1] : undefined) ?? "x64";

/** System calls may begin with the architecture: `i386/sys_dup`, or `__ia32_sys_dup`. */
function readMember(
  value: string,
  type: ListType,
  all: ListSpec["values"],
  place: Scope,
): Member | undefined {
  const syscall = type === "syscalls";
  const abi = abiOf(value, syscall);
  const name = value.slice(value.startsWith(`${abi}/`) ? abi.length + 1 : 0);
  if (foreign.includes(abi)) {
    const others = all?.some((one) => !foreign.includes(abiOf(one, syscall)));
    if (others === true)
      place.note(
        "policy-rule",
        `${abi} system calls do not exist on x86-64`,
        "The other values of the list are used.",
      );
    return undefined;
  }
  if (abi !== "x64" && abi !== "i386") {
    place.error(
      "policy-bad-name",
      `There is no architecture "${abi.slice(0, 80)}"`,
      `Possible: x64, i386, ${foreign.join(", ")}.`,
    );
    return undefined;
  }
  if (!syscall && value.startsWith("sys_")) {
    place.error(
      "policy-not-a-syscall",
      `"${value.slice(0, 80)}" is a system call, and the list has functions`,
      all?.every((one = "") => one.startsWith("sys_") || syscallNumber(one, "x64") !== undefined)
        ? "Add `type: syscalls` to the list."
        : "Put system calls into a list of their own, with `type: syscalls`.",
    );
    return undefined;
  }
  const compatName = syscall ? /^__ia32_(?:compat_)?(sys_\w+)$/.exec(name)?.[1] : undefined;
  const target = readFunction(compatName ?? name, syscall, place, {
    ...{ list: true, hasList: () => false },
  });
  const table = compatName === undefined ? abi : "i386";
  return target === undefined ? undefined : { name: target, abi: table, place };
}
