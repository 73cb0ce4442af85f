// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { PolicyTest, TestCase, Verdict } from "./policy-test.ts";

/** What decided a case: a selector of a policy. */
export type Decision = {
  readonly policy: string;
  /** The hook entry in the spec: `spec.lsmhooks[0]`. */
  readonly entry: string;
  /** What it is attached to. */
  readonly hook: string;
  /** Its position in the hook entry. */
  readonly selector: number;
};

export type CaseResult = {
  readonly name: string;
  /** Of the case in its file. */
  readonly line: number;
  readonly expected: Verdict;
  /**
   * undecided: this engine can't know, another one may. invalid: the case can't be judged at all. `why` says what
   * is missing.
   */
  readonly verdict: Verdict | "undecided" | "invalid";
  readonly why: string;
  /** Absent: no policy had a part in it, or the engine does not see which. */
  readonly decision?: Decision;
  /** For people: the call that decided, and what was compared; a line each. */
  readonly trace?: readonly string[];
};

/** Something that finds out how cases end under policies. */
export type Engine = AsyncDisposable & {
  /** One result a case, in their order. @throws Error if the policies can't be in force there. */
  readonly run: (
    test: Pick<PolicyTest, "cases">,
    policies: readonly CompiledPolicy[],
  ) => Promise<readonly CaseResult[]>;
};

export const casePart = ({ name, line, expect }: TestCase) => ({ name, line, expected: expect });
