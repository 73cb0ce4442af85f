// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, HookKind } from "@gander/policy";

/** Who brought a policy; the same name may come from all of them. */
export type PolicyOrigin = "static" | "grpc" | "operator";

/** Identifies a policy on this node. */
export type PolicyKey = {
  readonly name: string;
  readonly namespace: string;
  readonly origin: PolicyOrigin;
  /** Origin `operator`: of the object in the cluster, and what identifies it. */
  readonly uid?: string;
};

export type PolicyStatus =
  | "enabled"
  /** Some hooks are missing, as `ignore.callNotFound` allows. */
  | "partially-enabled"
  | "disabled"
  /** Never was in force. `error` says why. */
  | "load-error";

export type PolicyState = PolicyKey & {
  /** Given once to each key, never again to another. */
  readonly id: number;
  /** Counts the specs that were in force under this key, from 1; 0: none yet. Of the operator: the generation. */
  readonly revision: number;
  readonly digest: string;
  readonly state: PolicyStatus;
  readonly mode: CompiledPolicy["mode"];
  /**
   * What went wrong last; empty if nothing. With state `enabled` an earlier revision is still in
   * force: `Failed, still running revision 3: …`.
   */
  readonly error: string;
  /** What it does less well on this kernel than its text may let expect. */
  readonly warnings: readonly string[];
  readonly hooks: readonly HookState[];
  readonly counters: PolicyCounters;
  /** Memory that is there for this policy alone; programs and tables are shared. */
  readonly kernelMemoryBytes: number;
};

export type HookState = {
  /** In the spec, e.g. `spec.kprobes[0]`. */
  readonly path: string;
  /** `kprobes`, `tracepoints` or `lsmhooks`. */
  readonly section: string;
  /** Position in its section. */
  readonly index: number;
  readonly kind: HookKind;
  readonly target: string;
  readonly state: "loaded" | "call-not-found" | "not-loaded";
  /** Why it isn't loaded; else empty. */
  readonly error: string;
  /** Where it is attached; more than one if others help to enforce. */
  readonly attachments: readonly AttachmentState[];
  readonly selectors: readonly SelectorState[];
};

export type AttachmentState = {
  /** For people, e.g. `LSM program on file_permission`. */
  readonly how: string;
  /** Calls that the kernel did not hand to the program, of all policies at this place together. */
  readonly missed: bigint;
  readonly counters: PolicyCounters;
};

export type SelectorState = {
  readonly index: number;
  readonly label: string;
  readonly counters: SelectorCounters;
};

/** Calls that reached the selector's actions: matched = emitted + all of suppressed + all of lost. */
export type SelectorCounters = {
  readonly matched: bigint;
  readonly emitted: bigint;
  readonly suppressed: {
    readonly rateLimit: bigint;
    readonly budget: bigint;
    readonly noPost: bigint;
  };
  readonly lost: { readonly ring: bigint; readonly memory: bigint };
  readonly killed: bigint;
  readonly signalled: bigint;
  readonly denied: bigint;
  /** Mode monitor: what would have been done. */
  readonly wouldKill: bigint;
  readonly wouldSignal: bigint;
  readonly wouldDeny: bigint;
  readonly enforceFailed: bigint;
  /** Calls that were stopped, in one way or in several. */
  readonly enforced: bigint;
};

/** hits = filtered + matched, so hits = emitted + filtered + suppressed + lost, exactly. */
export type PolicyCounters = SelectorCounters & {
  /** Calls of the hooked functions that this policy was asked about. */
  readonly hits: bigint;
  readonly filtered: bigint;
};
