// SPDX-License-Identifier: Apache-2.0
import type { Operation } from "../operations.ts";
import type { TestCase, Verdict } from "../policy-test.ts";
import type { Attack } from "./find-attacks.ts";

/** How a case ended. impossible: it was not done, `error` says why. */
export type Ending = {
  readonly outcome: "succeeded" | "refused" | "killed" | "impossible";
  /** Of the kernel, or of what was missing. */
  readonly error: string;
};

/** What a sensor said about it. */
export type Report = {
  readonly policy: string;
  readonly action: "reported" | "denied" | "killed" | "signalled" | "other";
  readonly message: string;
};

export type AttackResult = Ending & {
  readonly attack: string;
  readonly pack: string;
  readonly case: string;
  readonly operation: Operation;
  /** What its policy does, where it is in force. */
  readonly expected: Verdict;
  /** By policies, of every sensor that was asked. */
  readonly reports: readonly Report[];
};

export const attackResult = (
  { name, pack }: Attack,
  { name: title, do: operation, expect: expected }: TestCase,
  ending: Ending,
  reports: readonly Report[],
): AttackResult => ({
  ...{ attack: name, pack, case: title, operation, expected },
  ...{ outcome: ending.outcome, error: ending.error, reports },
});

/** Whether somebody would know of it, or it could not be done. An attack that was not tried is not stopped. */
export const isNoticed = ({ outcome, reports }: AttackResult): boolean =>
  reports.length > 0 || outcome === "refused" || outcome === "killed";
