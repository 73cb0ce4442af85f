// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { policyCountFields } from "@gander/proto/stream";
import type { KnownPod } from "../../workload/pod-cgroups.ts";
import type { ExceptionCount } from "../policy-state.ts";

/** What the operator wants in force on this node. */
export type NodeVersion = {
  readonly policies: readonly NodePolicy[];
  /** UIDs of further wanted policies that can't be read: their versions in force stay. */
  readonly unreadable?: readonly string[];
  /** All pods that are assigned to this node. */
  readonly pods: readonly NodePod[];
};

export type NodePolicy = {
  readonly uid: string;
  readonly generation: number;
  readonly name: string;
  /** Empty: cluster-scoped. */
  readonly namespace: string;
  /** Set by the operator; overrides the policy's own. */
  readonly mode: "" | "enforce" | "monitor";
  /** With the values of its sets. */
  readonly compiled: CompiledPolicy;
  /** What it was made of; absent: it names no sets. */
  readonly madeOf?: {
    /** Digest of the policy that names them. */
    readonly digest: string;
    /** Digests of their contents. */
    readonly sets: readonly { readonly name: string; readonly digest: string }[];
  };
};

export type NodePod = KnownPod & {
  /** UIDs of the policies that may apply to it; this node decides to which of its containers. */
  readonly policies: readonly string[];
};

/** How a policy of a version falls short of its text. */
export type PolicyShortfall = {
  /** Of the policy. */
  readonly uid: string;
  readonly state: "failed" | "unsupported" | "degraded";
  readonly code: string;
  readonly message: string;
  /** The generation that stays in force instead; 0: none. */
  readonly runningGeneration: number;
};

/** Since `NodeCounts.since`: hits = emitted + filtered + suppressed + lost + unevaluated. */
export type NodePolicyCounts = {
  readonly uid: string;
  /** Absent: the policy has none. */
  readonly exceptions?: readonly Pick<ExceptionCount, "name" | "namespace" | "hits">[];
} & Readonly<Record<(typeof policyCountFields)[number], bigint>>;

export type NodeCounts = {
  /** Milliseconds since 1970; a different value means that all counts restarted. */
  readonly since: number;
  readonly policies: readonly NodePolicyCounts[];
};
