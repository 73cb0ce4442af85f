// SPDX-License-Identifier: Apache-2.0
import { exceptionText } from "@gander/policy";
import type { PolicyKernel } from "../../kernel/policy-kernel.ts";
import { allRules, type InstalledPolicy } from "../installed-policy.ts";
import type { ExceptionCount } from "../policy-state.ts";

/** In the order of the policy's first selectors. */
export function exceptionCounts(
  policy: Pick<InstalledPolicy, "hooks">,
  { kernel }: { readonly kernel: Pick<PolicyKernel, "count"> },
): readonly ExceptionCount[] {
  const counts = new Map<string, ExceptionCount>();
  for (const { planned, counters } of allRules(policy))
    for (const [i, { exception }] of planned.selectors.entries()) {
      if (exception === undefined) continue;
      const key = exceptionText(exception);
      const before = counts.get(key)?.hits ?? 0n;
      // A rule that only supports another one counts the same calls.
      const isCounted = !planned.onlyWhenEnforcing;
      const matched = isCounted ? kernel.count(counters[i] ?? 0).matched : 0n;
      counts.set(key, { ...exception, hits: before + matched });
    }
  return [...counts.values()];
}

/** The same for people. */
export function exceptionFinding(exception: ExceptionCount, nowMs: number): string {
  const { expires, hits } = exception;
  const at = expires === undefined ? "" : new Date(expires).toISOString();
  const isOver = expires !== undefined && expires <= nowMs;
  const until = at === "" ? "" : isOver ? `, expired at ${at}` : `, until ${at}`;
  return `The exception "${exceptionText(exception)}" excepted ${hits} calls${until}`;
}
