// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { readFunction } from "./function-name.ts";

/** Functions of the kernel, or system calls. */
export type FunctionList = { readonly targets: readonly string[]; readonly syscall: boolean };

/** The sets of functions that a policy names. */
export type FunctionLists = {
  /** Of the list of that name; `place` is where it is used. Empty if there was an error. */
  functions(name: string, place: Scope): FunctionList;
};

type ListSpec = NonNullable<NonNullable<LooseSpec["lists"]>[number]>;

/** Reads each list once, however many hooks use it. */
export function readLists(specs: readonly (ListSpec | undefined)[], scope: Scope): FunctionLists {
  const lists = new Map<string, FunctionList>();
  for (const [i, spec] of specs.entries()) {
    if (spec === undefined) continue;
    const place = scope.at(i);
    if (lists.has(spec.name))
      place
        .at("name")
        .error("policy-rule", `There are two lists "${spec.name.slice(0, 80)}"`, "Rename one.");
    else lists.set(spec.name, readList(spec, place));
  }
  // A list whose shape was refused has no name here.
  const isComplete = specs.every((spec) => spec !== undefined);
  return {
    functions(name, place) {
      const found = lists.get(name);
      if (found === undefined && isComplete) {
        const near = nearestName(name, [...lists.keys()]);
        place.error(
          "policy-bad-name",
          `There is no list "${name.slice(0, 80)}"`,
          near === undefined ? "Add it below spec.lists." : `Did you mean "list:${near}"?`,
        );
      }
      return found ?? { targets: [], syscall: true };
    },
  };
}

function readList({ type, values = [], pattern }: ListSpec, scope: Scope): FunctionList {
  const syscall = type === "syscalls";
  if (type !== undefined && !syscall) {
    scope
      .at("type")
      .error(
        "policy-not-supported",
        `Lists of type ${type} are not supported yet`,
        "Write the names below values.",
      );
    return { targets: [], syscall: true };
  }
  if (pattern !== undefined && pattern !== "")
    scope
      .at("pattern")
      .onKey.error(
        "policy-rule",
        "A pattern belongs to a list of type generated_ftrace",
        "Remove it, or the values.",
      );
  if (values.length === 0)
    scope
      .at("name")
      .error("policy-empty", "The list is empty", "Write names of functions below values.");
  const targets = new Set<string>();
  for (const [i, value] of values.entries()) {
    const target =
      value === undefined ? undefined : readMember(value, syscall, scope.at("values", i));
    if (target !== undefined) targets.add(target);
  }
  if (values.length > 0 && values.every((value) => foreign.includes(archOf(value, syscall))))
    scope
      .at("values")
      .error("policy-empty", "The list has nothing for x86-64", "Add a name, such as sys_dup.");
  return { targets: [...targets], syscall };
}

const foreign = ["arm64", "arm32"];

const archOf = (value = "", syscall: boolean): string =>
  (syscall ? /^(\w+)\//.exec(value)?.[1] : undefined) ?? "x64";

/** System calls may begin with the architecture: `x64/sys_dup`. */
function readMember(value: string, syscall: boolean, place: Scope): string | undefined {
  const abi = archOf(value, syscall);
  const name = value.slice(value.startsWith(`${abi}/`) ? abi.length + 1 : 0);
  if (foreign.includes(abi)) {
    place.note(
      "policy-rule",
      `${abi} system calls do not exist on x86-64`,
      "The other values of the list are hooked.",
    );
    return undefined;
  }
  if (abi === "i386") {
    place.error(
      "policy-not-supported",
      "System calls of 32-bit programs are not supported yet",
      `Write \`${name}\` for those of 64-bit programs.`,
    );
    return undefined;
  }
  if (abi !== "x64") {
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
      "Add `type: syscalls` to the list.",
    );
    return undefined;
  }
  return readFunction(name, syscall, place);
}
