// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import type { LooseSpec } from "../loose.ts";
import { filesOfHooks } from "../policy-files.ts";
import type { Scope } from "../scope.ts";

/** Paths are resolved on the host; in a pod, the same path leads to another file. */
export function checkFileFilters(
  hooks: readonly CompiledHook[],
  spec: LooseSpec,
  scope: Scope,
  namespaced: boolean,
): void {
  if (filesOfHooks(hooks).size === 0) return;
  const why = "files are looked up on the host, and those of a pod are others";
  const hint = "Remove `identity: file`, or write a policy for the whole node.";
  for (const field of ["podSelector", "containerSelector"] as const) {
    if (spec[field] === undefined) continue;
    scope
      .at(field)
      .onKey.error("policy-rule", `${field} cannot be used with \`identity: file\`: ${why}`, hint);
  }
  if (namespaced)
    scope.onKey.error(
      "policy-rule",
      `A namespaced policy cannot use \`identity: file\`: ${why}`,
      hint,
    );
}
