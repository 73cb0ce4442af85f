// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "@gander/base";
import type { CompiledArg, CompiledHook } from "../compiled-policy.ts";
import type { AttachFacts, NoPlace } from "./attach-facts.ts";

/** Why a hook entry can't be attached on this kernel. */
export type Refusal = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** Path in the policy, if more precise than that of the hook. */
  readonly path?: string;
};

export function notFound(what: string, similar: string | undefined): Refusal {
  return {
    code: "kernel-no-function",
    message: `this kernel has no ${what}`,
    hint: similar === undefined ? withoutIt(what) : `Did you mean ${similar}?`,
  };
}

export const unknownSets = (names: readonly string[]): Refusal => ({
  code: "policy-unknown-set",
  message: `the values of ${names.map((name) => `set:${name}`).join(" and ")} are not known here`,
  hint: "Create the ValueSet first",
});

/** Only entries of kprobes may be left out. */
function withoutIt(what: string): string {
  if (what.includes("tracepoint"))
    return "Those of a kernel are in /sys/kernel/tracing/events; if that is empty, mount tracefs at /sys/kernel/tracing";
  if (what.startsWith("LSM hook"))
    return "Hook the function below kprobes, with `security_` in front";
  return "Set `ignore.callNotFound: true` if the policy may run without it";
}

/** What a person can do; of a hook that may be left out, that it is. */
export const hintOf = (
  { ignoreCallNotFound }: Pick<CompiledHook, "ignoreCallNotFound">,
  { code, hint }: Pick<Refusal, "code" | "hint">,
): string =>
  ignoreCallNotFound && code === "kernel-no-function" && hint.includes("ignore.callNotFound")
    ? "The policy runs without this hook there, as its `ignore.callNotFound` says"
    : hint;

export function noBpfLsm(consequence: string, facts: AttachFacts): Refusal {
  return {
    code: "kernel-unsupported",
    message: `${consequence}: \`bpf\` is not an active LSM (active: ${facts.activeLsms.join(",") || "none"})`,
    hint: `Add it to the kernel's command line: lsm=${[...facts.activeLsms.filter((name) => name !== "capability"), "bpf"].join(",")}`,
  };
}

export function notDeniable(what: string): Refusal {
  return {
    code: "kernel-unsupported",
    message: `nothing can be denied at a ${what}`,
    hint: "Use a hook below `lsmhooks`, or `security_*` below `kprobes`",
  };
}

export function badArgument(
  hook: CompiledHook,
  arg: CompiledArg,
  fields: readonly string[] = [],
): Refusal {
  const known =
    fields.length > 0
      ? `; its fields are ${fields.map((field, i) => `${i}: ${field}`).join(", ")}`
      : "";
  return {
    code: "kernel-argument",
    message: `argument ${arg.index} of ${hook.target} cannot be read as ${arg.type}${known}`,
    hint: hook.syscall
      ? "Arguments of system calls are numbers, `string`, `char_buf` and `fd`"
      : "Take index and type from the function's prototype",
  };
}

export function unreadableExec({ problem, hint }: NoPlace): Refusal {
  return {
    code: "kernel-unsupported",
    message: `arguments and variables of a new program cannot be read: ${problem}`,
    hint,
  };
}

/** 32-bit programs, and 64-bit ones by `int 0x80`, have entries of their own, which a policy on `sys_…` does not hook. */
export function unseenCalls(name: string, facts: Pick<AttachFacts, "hasSymbol">): string[] {
  if (name.startsWith("__ia32_")) return [];
  const call = name.replace(/^(__x64_)?sys_/, "");
  return runs32BitCode(facts)
    ? [
        `sys_${call} called by 32-bit code (int 0x80) is not seen here, so nothing stops it: hook __ia32_sys_${call} as well, or enforce at the LSM hook behind both (\`lsmhooks\`, or \`security_…\` below kprobes)`,
      ]
    : [];
}

const known = new WeakMap<object, boolean>();

/** Asked once: where a kernel has the entry of one system call, it has those of the others. */
function runs32BitCode(facts: Pick<AttachFacts, "hasSymbol">): boolean {
  const found = known.get(facts) ?? facts.hasSymbol("__ia32_sys_getpid");
  known.set(facts, found);
  return found;
}

/** The effect of a kill or a signal where the call can't be denied. */
export function signalOnly(hook: CompiledHook, target: string): string {
  return `a signal at ${target} ends the process but does not stop the call in progress${hook.kind === "tracepoint" || hook.syscall ? "; a `security_*` function can be denied" : ""}`;
}
