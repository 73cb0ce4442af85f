// SPDX-License-Identifier: Apache-2.0
import type { TracingPolicyActionCounters } from "@gander/proto";
import type { policyCountFields } from "@gander/proto/stream";
import { fact } from "./abi.gen.ts";

/** Where a counter is shown. A counter is a row here, a field in the interface and a field in the kernel. */
export type CounterRow = {
  /** Name in the interface, and in `gander policy list -o json`. */
  readonly status?: keyof TracingPolicyActionCounters;
  /** Its label in `gander_policy_outcomes_total`, `…_actions_total` or `…_gaps_total`. */
  readonly metric?: { readonly [Label in "outcome" | "action" | "gap"]?: string };
  /** Its name in reports to the operator. */
  readonly node?: Exclude<(typeof policyCountFields)[number], "hits" | "enforced">;
  /** Shown to users beside the policy, after the number, if it is not 0. */
  readonly remark?: string;
};

/** Counted per selector, in a field of `struct count` of bpf/abi.h. Read in this order. */
type KernelRow = CounterRow & {
  readonly kernel: string;
  /** For a field that is an array. */
  readonly index?: number;
};

export const selectorCounterTable = {
  emitted: { kernel: "emitted", status: "post", metric: { outcome: "emitted" }, node: "emitted" },
  suppressedRateLimit: suppressed("suppressed_rate", "suppressed_rate_limit", "rate_limit"),
  suppressedBudget: {
    ...suppressed("suppressed_budget", "suppressed_budget", "budget"),
    remark:
      "events were counted and not posted, because the policy's event budget was spent; actions of the policy were carried out all the same",
  },
  suppressedNoPost: suppressed("suppressed_nopost", "nopost", "no_post"),
  lostRing: lost("lost_ring", "lost_ring_full", "lost_ring_full"),
  lostMemory: lost("lost_stage", "lost_memory", "lost_memory"),
  killed: { kernel: "killed", status: "signal", metric: { action: "kill" } },
  signalled: { kernel: "signalled", status: "signal", metric: { action: "signal" } },
  denied: { kernel: "denied", status: "override", metric: { action: "deny" } },
  wouldKill: { kernel: "would_kill", status: "monitor_signal", metric: { action: "would_kill" } },
  wouldSignal: {
    kernel: "would_signal",
    status: "monitor_signal",
    metric: { action: "would_signal" },
  },
  wouldDeny: { kernel: "would_deny", status: "monitor_override", metric: { action: "would_deny" } },
  notified: {
    kernel: "notified",
    status: "notify_enforcer",
    metric: { action: "notify_enforcer" },
  },
  wouldNotify: {
    kernel: "would_notify",
    status: "monitor_notify_enforcer",
    metric: { action: "would_notify_enforcer" },
  },
  written: { kernel: "written", status: "set", metric: { action: "set" } },
  wouldWrite: { kernel: "would_write", status: "monitor_set", metric: { action: "would_set" } },
  enforceFailed: {
    kernel: "enforce_failed",
    status: "enforce_failed",
    metric: { action: "failed" },
  },
  exempt: {
    kernel: "exempt",
    status: "exempt",
    metric: { action: "exempt" },
    remark: "calls of the sensor itself were let through, because no policy stops it",
  },
  unknownProcess: unknown(fact.FACT_PROCESS, "process"),
  unknownPath: unknown(fact.FACT_PATH, "path"),
  unknownName: unknown(fact.FACT_NAME, "name"),
  unknownMemory: unknown(fact.FACT_MEMORY, "memory"),
  unknownPeer: unknown(fact.FACT_PEER, "peer"),
  // Last: the outcome of a match is counted after the match.
  matched: { kernel: "matched" },
} as const satisfies Readonly<Record<string, KernelRow>>;

/** Counted per hook; hits = filtered + unevaluated + matched. */
const hookCounterTable = {
  hits: { status: "hits" },
  filtered: { status: "filtered", metric: { outcome: "filtered" }, node: "filtered" },
  unevaluated: {
    status: "unevaluated",
    metric: { outcome: "unevaluated" },
    node: "unevaluated",
    remark:
      "calls could not be evaluated, as there was no memory for it: where the policy can deny, they were denied",
  },
  missed: {
    status: "missed",
    metric: { gap: "missed" },
    node: "missed",
    remark:
      "calls of the hooked functions were not judged: the kernel skipped the program. LSM programs are never skipped",
  },
} as const satisfies Readonly<Record<string, CounterRow>>;

export type SelectorCounter = keyof typeof selectorCounterTable;
export type HookCounter = keyof typeof hookCounterTable;

/** Calls that reached the selector's actions: matched = emitted + all suppressed + all lost. */
export type SelectorCounters = Readonly<Record<SelectorCounter, bigint>> & {
  /** Calls on which the policy enforced; several actions count once. */
  readonly enforced: bigint;
};

export const selectorCounterNames = Object.keys(selectorCounterTable) as readonly SelectorCounter[];

/** Every counter and where it is shown. */
export const counterRows: readonly (readonly [SelectorCounter | HookCounter, CounterRow])[] = [
  ...(Object.entries(hookCounterTable) as [HookCounter, CounterRow][]),
  ...(Object.entries(selectorCounterTable) as [SelectorCounter, CounterRow][]),
];

function suppressed<Field extends keyof TracingPolicyActionCounters>(
  kernel: string,
  status: Field,
  why: string,
) {
  return { kernel, status, metric: { outcome: `suppressed_${why}` }, node: "suppressed" } as const;
}

/** Filters decided without a fact. Where a workload can make up paths, that is normal: no remark. */
function unknown<What extends "process" | "path" | "name" | "memory" | "peer">(
  index: number,
  what: What,
) {
  const name = `unknown_${what}` as const;
  return {
    kernel: "missing",
    index,
    status: name,
    metric: { gap: name },
    node: "unknown",
  } as const;
}

function lost<Field extends keyof TracingPolicyActionCounters>(
  kernel: string,
  status: Field,
  outcome: string,
) {
  return { kernel, status, metric: { outcome }, node: "lost" } as const;
}
