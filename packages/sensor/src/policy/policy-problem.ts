// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";

/** A problem without a position in a text, only with a path in the policy. */
export function policyProblem(
  problem: Pick<Problem, "code" | "message"> & Partial<Pick<Problem, "path" | "hint" | "file">>,
): Problem {
  return { file: "", path: "", line: 0, column: 0, hint: "", severity: "error", ...problem };
}

/** All problems as one text, for states and logs. */
export function problemsText(problems: readonly Problem[]): string {
  return problems
    .map(({ message, hint }) => (hint === "" ? message : `${message} (${hint.replace(/\.$/, "")})`))
    .join("; ");
}
