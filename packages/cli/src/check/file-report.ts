// SPDX-License-Identifier: Apache-2.0
import type { Problem, Severity } from "@gander/base";
import type { CheckedPolicy } from "@gander/policy";
import type { CaseResult } from "@gander/policy-test";

/** What a check has to say about one file. */
export type FileReport = {
  /** As given, or as found in a directory; `standard input` for that. */
  readonly file: string;
  /** `stdin` has no path that a tool could open. */
  readonly origin: "file" | "stdin";
  readonly source: string;
  /** `unread`: it could not be read, so nothing is known about it; `other`: it holds no policy and need not. */
  readonly state: "checked" | "unread" | "other";
  readonly problems: readonly Problem[];
  /** Empty if the file has an error. */
  readonly policies: readonly CheckedPolicy[];
  /** Of a test: its name. */
  readonly name?: string;
  /** Of a test: how its cases ended. */
  readonly cases?: readonly CaseResult[];
  /** Names of its ValueSets. */
  readonly sets?: readonly string[];
  /** Names of its exceptions. */
  readonly exceptions?: readonly string[];
};

/** The least that makes a check fail. */
export type FailOn = "error" | "warning";

export function isGood({ problems }: FileReport, failOn: FailOn = "error"): boolean {
  return !problems.some(({ severity }) => fails(severity, failOn));
}

/** 0: all good; 1: findings that matter; 2: something could not be read, so nothing is proven. */
export function exitStatus(reports: readonly FileReport[], failOn: FailOn): 0 | 1 | 2 {
  if (reports.some(({ state }) => state === "unread")) return 2;
  return reports.every((report) => isGood(report, failOn)) ? 0 : 1;
}

function fails(severity: Severity, failOn: FailOn): boolean {
  return severity === "error" || (severity === "warning" && failOn === "warning");
}
