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

/**
 * Hooks at which no error can be returned: they answer something else than whether a call is allowed. Kernels that
 * check what programs return refuse any that could deny there (kernel/bpf/bpf_lsm.c, since 6.12).
 */
const notDeciding: ReadonlySet<string> = new Set([
  ...["vm_enough_memory", "inode_need_killpriv", "inode_getsecurity", "inode_listsecurity"],
  ...["inode_copy_up_xattr", "getselfattr", "getprocattr", "setprocattr", "key_getsecurity"],
  ...["audit_rule_match", "ismaclabel"],
  // Their answer is yes or no.
  ...["xfrm_state_pol_flow_match", "audit_rule_known", "inode_xattr_skipcap"],
]);

/** A function of the kernel that came with this check. */
export const returnCheck = "bpf_lsm_get_retval_range";

export function takesNoPrograms(hook: string, facts: Pick<AttachFacts, "prototype">): boolean {
  return notDeciding.has(hook) && facts.prototype(returnCheck) !== undefined;
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
  if (takesNoPrograms(hook, facts)) return undefined;
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
