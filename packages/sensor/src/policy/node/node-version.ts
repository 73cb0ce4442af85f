// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { policyCountFields } from "@gander/proto/stream";

/** What the operator wants in force on this node. */
export type NodeVersion = {
  readonly policies: readonly NodePolicy[];
  /** UIDs of further policies that are wanted and can't be read: what is in force of them goes on. */
  readonly unreadable?: readonly string[];
  /** All pods that are to run here. */
  readonly pods: readonly NodePod[];
};

export type NodePolicy = {
  readonly uid: string;
  readonly generation: number;
  readonly name: string;
  /** Empty: cluster-scoped. */
  readonly namespace: string;
  /** Set by the operator instead of the policy's own. */
  readonly mode: "" | "enforce" | "monitor";
  readonly compiled: CompiledPolicy;
};

export type NodePod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** UIDs of the policies that may be for it; which of its containers they are for is found out here. */
  readonly policies: readonly string[];
};

/** What of a version isn't in force as it says. */
export type PolicyShortfall = {
  /** Of the policy. */
  readonly uid: string;
  readonly state: "failed" | "unsupported" | "degraded";
  readonly code: string;
  readonly message: string;
  /** What goes on instead; 0: nothing. */
  readonly runningGeneration: number;
};

/** Since `NodeCounts.since`: hits = emitted + filtered + suppressed + lost + unevaluated. */
export type NodePolicyCounts = { readonly uid: string } & Readonly<
  Record<(typeof policyCountFields)[number], bigint>
>;

export type NodeCounts = {
  /** Milliseconds since 1970; another value: all counts began anew. */
  readonly since: number;
  readonly policies: readonly NodePolicyCounts[];
};
