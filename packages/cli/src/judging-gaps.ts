// SPDX-License-Identifier: Apache-2.0
import type { TracingPolicyActionCounters, TracingPolicyStatus } from "@gander/proto";

/** What kept policies from deciding as they say. Counters are 64-bit numbers as decimal text. */
export type JudgingGaps = {
  /** Calls for which the kernel skipped the program. */
  readonly missed: number;
  /** Calls for which there was no memory: denied where a policy can deny. */
  readonly unevaluated: number;
  /** Filters that were decided without the fact that they test. */
  readonly unknown: number;
};

export const unjudgedFields = ["unevaluated", "missed"] as const;

export const unknownFields = [
  "unknown_process",
  "unknown_path",
  "unknown_name",
  "unknown_memory",
  "unknown_peer",
] as const satisfies readonly (keyof TracingPolicyActionCounters)[];

/** Of all policies together; undefined: there are none. */
export function judgingGaps(policies: readonly TracingPolicyStatus[]): JudgingGaps | undefined {
  const sum = (...fields: readonly (keyof TracingPolicyActionCounters)[]) =>
    policies
      .flatMap(({ stats }) => fields.map((field) => Number(stats?.action_counters?.[field] ?? 0)))
      .reduce((total, count) => total + count, 0);
  const gaps = {
    missed: sum("missed"),
    unevaluated: sum("unevaluated"),
    unknown: sum(...unknownFields),
  };
  return Object.values(gaps).some((count) => count > 0) ? gaps : undefined;
}

/** A line for people. */
export function describeGaps({ missed, unevaluated, unknown }: JudgingGaps): string {
  const parts = [
    [missed, "calls skipped by the kernel"],
    [unevaluated, "calls without memory to evaluate them"],
    [unknown, "filters decided without the fact they test"],
  ] as const;
  const text = parts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  return `not judged: ${text.join(", ")}`;
}
