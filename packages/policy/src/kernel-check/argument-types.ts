// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook, TypedHook } from "../compiled-policy.ts";
import type { AttachFacts } from "./attach-facts.ts";
import { checkPrototype, type Prototype } from "./check-prototype.ts";
import type { Refusal } from "./refusals.ts";

/** Arguments that a hook entry reads wrongly, and those that it reads in another width than the kernel's. */
type ArgumentTypes = {
  readonly refusals: readonly Refusal[];
  readonly weaknesses: readonly string[];
};

/** Compares the arguments of a hook entry with the kernel's own description of the function. */
export function compareArgumentTypes(hook: TypedHook, facts: AttachFacts): ArgumentTypes {
  const prototype = prototypeOf(hook, facts);
  const found = prototype === undefined ? [] : checkPrototype(hook, prototype);
  return {
    refusals: found.filter(({ severity }) => severity === "error"),
    weaknesses: found.filter(({ severity }) => severity !== "error").map(({ message }) => message),
  };
}

/** None for system calls, whose arguments are hidden in registers, and for records of tracepoints. */
export function prototypeOf(hook: CompiledHook, facts: AttachFacts): Prototype | undefined {
  const { kind, target, raw, syscall } = hook;
  if (kind === "lsm") return facts.prototype(`bpf_lsm_${target}`);
  if (kind === "kprobe") return syscall ? undefined : facts.prototype(target);
  return raw ? facts.rawTracepoint(target.split("/")[1] ?? "") : undefined;
}
