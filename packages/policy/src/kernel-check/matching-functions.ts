// SPDX-License-Identifier: Apache-2.0
import { linearRegex } from "@gander/base/linear-regex";
import type { CompiledHook } from "../compiled-policy.ts";

/** What a list says of functions whose names the kernel has. */
export type FunctionSet = NonNullable<CompiledHook["generated"]>;

/** The functions of a kernel that belong to a set. */
export type FoundFunctions =
  | {
      /** Ascending, each once. */
      readonly names: readonly string[];
      /** Those that belong to it and can't be hooked with the others: `3 of modules`. */
      readonly leftOut: readonly string[];
      /** Whether the kernel lets all of them be hooked; otherwise only an attempt would show it. */
      readonly certain: boolean;
      readonly problem?: never;
    }
  | { readonly problem: string; readonly hint: string };

/** For people, after "this kernel has no". */
export const describeSet = (set: FunctionSet): string =>
  set.by === "syscalls" ? "system calls" : `function whose name matches ${set.pattern}`;

/** Identifies it. */
export const setKey = (set: FunctionSet): string =>
  set.by === "syscalls" ? set.by : `${set.by} ${set.pattern}`;

/** What is there instead of a system call that the kernel lacks. */
const placeholder = "__x64_sys_ni_syscall";

/** Whether a function belongs to the set, by its name. */
export function belongsTo(set: FunctionSet): (name: string) => boolean {
  if (set.by === "syscalls") return (name) => name.startsWith("__x64_sys_") && name !== placeholder;
  const { pattern } = set;
  const regex = linearRegex(pattern);
  const start = literalStart(pattern);
  return (name) => name.startsWith(start) && regex.test(name);
}

/** All that matches begins with this: so of 60,000 names few are tested by the expression. */
function literalStart(pattern: string): string {
  const [, text = "", next = ""] = /^\^(\w*)(.?)/s.exec(pattern) ?? [];
  if (pattern.includes("|")) return "";
  return /[*?{+]/.test(next) ? text.slice(0, -1) : text;
}

/**
 * The functions of a set among names, which may occur several times. What the compiler made of a function
 * (`tcp_send.part.0`) has arguments of its own.
 */
export function chooseFunctions(
  names: Iterable<string>,
  certain: boolean,
): Extract<FoundFunctions, { names: readonly string[] }> {
  const counts = new Map<string, number>();
  let made = 0;
  for (const name of names) {
    if (name.includes(".")) made++;
    else counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const shared = [...counts].filter(([, count]) => count > 1).map(([name]) => name);
  const leftOut = [
    ...(shared.length === 0 ? [] : [`${shared.length} names that several functions have`]),
    ...(made === 0 ? [] : [`${made} parts of functions that the compiler made`]),
  ];
  return {
    names: [...counts].flatMap(([name, count]) => (count > 1 ? [] : [name])).sort(),
    leftOut,
    certain,
  };
}
