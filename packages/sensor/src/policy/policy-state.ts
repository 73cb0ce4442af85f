// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, HookKind } from "@gander/policy";
import type { SelectorCounters } from "../link/counter-table.ts";

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
  /** What it does less well on this kernel than its text may let expect, and calls that it could not judge. */
  readonly warnings: readonly string[];
  /** What else there is to say of it on this node now: which files it means. */
  readonly findings: readonly string[];
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
  readonly counters: PolicyCounters;
};

export type SelectorState = {
  readonly index: number;
  readonly label: string;
  readonly counters: SelectorCounters;
};

/** hits = filtered + unevaluated + matched, so hits = emitted + filtered + unevaluated + suppressed + lost, exactly. */
export type PolicyCounters = SelectorCounters & {
  /** Calls of the hooked functions that this policy was asked about. */
  readonly hits: bigint;
  readonly filtered: bigint;
  /** Calls for which there was no scratch memory: denied if a policy enforces there and the hook can deny. */
  readonly unevaluated: bigint;
  /** Calls that the kernel did not hand to the programs of its hooks while it was in force; in no hit. */
  readonly missed: bigint;
};
