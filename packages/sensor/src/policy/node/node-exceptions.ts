// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { limits } from "../../link/abi.gen.ts";
import type { InstalledPolicy } from "../installed-policy.ts";
import { problemsText } from "../policy-problem.ts";
import type { NodePolicy, PolicyShortfall } from "./node-version.ts";

/** The result of putting a policy in force. */
type PolicyOutcome = {
  /** The version that is in force. */
  readonly running: InstalledPolicy | undefined;
  /** Why that isn't the wanted version. */
  readonly problems: readonly Problem[] | undefined;
  /** Where it does less than its text says, given what is on this node now. */
  readonly weaknesses: readonly string[];
  /** Cgroups in which it is not in force as written. */
  readonly lacking: number;
};

/** Undefined: the policy is in force as written. */
export function exceptionOf(
  { uid }: Pick<NodePolicy, "uid">,
  { running, problems, weaknesses, lacking }: PolicyOutcome,
): PolicyShortfall | undefined {
  const runningGeneration = running?.revision ?? 0;
  if (problems !== undefined) {
    const state = isUnsupported(problems) ? "unsupported" : "failed";
    const [first] = problems;
    const message = problemsText(problems);
    return { uid, state, code: first?.code ?? "policy-not-loaded", message, runningGeneration };
  }
  if (lacking > 0) {
    const message = `${lacking} cgroups of pods do not have it, or not as written: this node has more than ${limits.MAX_GROUPS - 1} combinations of policies`;
    return { uid, state: "failed", code: "policy-groups", message, runningGeneration };
  }
  const weaker = [
    ...(running?.warnings ?? []),
    ...weaknesses,
    ...(running?.hooks ?? []).flatMap(({ missing }) => (missing === "" ? [] : [missing])),
  ];
  if (weaker.length === 0) return undefined;
  const message = weaker.join("; ");
  return { uid, state: "degraded", code: "policy-degraded", message, runningGeneration };
}

/** Whether this kernel can't do it, so that a retry is useless. */
export function isUnsupported(problems: readonly Problem[]): boolean {
  return problems.every(({ code }) => unsupportedCodes.has(code));
}

/** What this kernel can't do, however often it is tried. */
const unsupportedCodes: ReadonlySet<string> = new Set([
  "kernel-no-function",
  "kernel-argument",
  "kernel-unsupported",
]);
