// SPDX-License-Identifier: Apache-2.0
import type { AttachFacts } from "./attach-facts.ts";

/** `security_x` functions whose LSM hook isn't `x`, or renames its parameters (security/security.c). */
const exceptions: Readonly<
  Record<string, { readonly hook: string; readonly renamed?: Readonly<Record<string, string>> }>
> = {
  security_bprm_check: { hook: "bprm_check_security" },
  security_settime64: { hook: "settime" },
  security_vm_enough_memory_mm: { hook: "vm_enough_memory" },
  // The hook gets the requested protection and the one that will be set.
  security_mmap_file: { hook: "mmap_file", renamed: { prot: "reqprot" } },
};

export type LsmHook = {
  readonly hook: string;
  /** Position of the function's argument in the hook; undefined if the hook doesn't get it. */
  readonly position: (index: number) => number | undefined;
};

/** The LSM hook's name for a `security_*` function, whether or not it exists. */
export function lsmHookName(functionName: string): string {
  return exceptions[functionName]?.hook ?? functionName.replace(/^security_/, "");
}

/** The LSM hook that a `security_*` function calls; undefined if none in this kernel can deny. */
export function lsmHookOf(
  functionName: string,
  facts: Pick<AttachFacts, "prototype">,
): LsmHook | undefined {
  const exception = exceptions[functionName];
  const hook = lsmHookName(functionName);
  const outer = facts.prototype(functionName);
  const inner = facts.prototype(`bpf_lsm_${hook}`);
  if (outer === undefined || inner === undefined || inner.returnType !== "int") return undefined;
  const position = (index: number): number | undefined => {
    const parameter = outer.parameters[index];
    if (parameter === undefined) return undefined;
    const name = exception?.renamed?.[parameter.name] ?? parameter.name;
    const same = (at: number) => inner.parameters[at]?.type === parameter.type;
    const byName = inner.parameters.findIndex((other) => other.name === name);
    if (byName >= 0) return same(byName) ? byName : undefined;
    return inner.parameters.length === outer.parameters.length && same(index) ? index : undefined;
  };
  return { hook, position };
}
