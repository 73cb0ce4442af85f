// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { LoadedTest } from "./load-policy-test.ts";
import type { TestCase, Verdict } from "./policy-test.ts";

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
  /** Of an engine that really does the case: what is said without a kernel, where that is another verdict. */
  readonly model?: Pick<CaseResult, "verdict" | "why" | "trace">;
};

/** Something that finds out how cases end under policies. */
export type Engine = AsyncDisposable & {
  /** For each test one result a case, in their order. @throws GanderError if policies can't be in force there. */
  readonly run: (tests: readonly LoadedTest[]) => Promise<readonly (readonly CaseResult[])[]>;
};

/** The run of an engine that does one test after the other. */
export function oneByOne(run: (test: LoadedTest) => Promise<readonly CaseResult[]>): Engine["run"] {
  return async (tests) => {
    const results: (readonly CaseResult[])[] = [];
    for (const test of tests)
      results.push(test.test.cases.length === 0 ? [] : await run(test).catch(failed(test.file)));
    return results;
  };
}

const failed = (file: string) => (error: unknown) => {
  if (error instanceof GanderError) throw error;
  const message = error instanceof Error ? error.message : String(error);
  throw new GanderError("client-bad-input", `Cannot run ${file}: ${message}`, {
    hint: "`gander policy check --kernel live` says whether this kernel can carry out the policies.",
    cause: error,
  });
};

export const casePart = ({ name, line, expect }: TestCase) => ({ name, line, expected: expect });
