// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, HookKind } from "@gander/policy";
import type { SelectorCounters } from "../link/counter-table.ts";
import type { PlannedSelector } from "../link/planned-rule.ts";
import type { FuseReport } from "./fuses/fuse-report.ts";

/** The source of a policy; the same name may exist in all of them. */
export type PolicyOrigin = "static" | "grpc" | "operator";

/** Identifies a policy on this node. */
export type PolicyKey = {
  readonly name: string;
  readonly namespace: string;
  readonly origin: PolicyOrigin;
  /** With origin `operator`: the UID of the cluster's object; identifies the policy. */
  readonly uid?: string;
};

export type PolicyStatus =
  | "enabled"
  /** Some hooks are missing, as `ignore.callNotFound` allows. */
  | "partially-enabled"
  | "disabled"
  /** Never was in force. `error` gives the reason. */
  | "load-error";

export type PolicyState = PolicyKey & {
  /** Assigned once to each key, never to another. */
  readonly id: number;
  /** Counts the specs in force under this key, from 1; 0: none yet. The operator's: the generation. */
  readonly revision: number;
  readonly digest: string;
  readonly state: PolicyStatus;
  readonly mode: CompiledPolicy["mode"];
  /**
   * The last error; empty if none. With state `enabled` an earlier revision is still in force: `Failed, still
   * running revision 3: …`.
   */
  readonly error: string;
  /** Where it does less on this kernel than its text suggests, and calls that it could not judge. */
  readonly warnings: readonly string[];
  /** Further remarks about it on this node now: which files it selects. */
  readonly findings: readonly string[];
  /** Of those in force or ended; absent: it has none. */
  readonly exceptions?: readonly ExceptionCount[];
  readonly hooks: readonly HookState[];
  readonly counters: PolicyCounters;
  /** Absent: it has none. */
  readonly fuse?: FuseReport;
  /** Memory used by this policy alone; programs and tables are shared. */
  readonly kernelMemoryBytes: number;
};

/** An exception of a policy in force, and the calls that it excepted since the policy became as it is. */
export type ExceptionCount = NonNullable<PlannedSelector["exception"]> & { readonly hits: bigint };

export type HookState = {
  /** In the spec, e.g. `spec.kprobes[0]`. */
  readonly path: string;
  /** Such as `kprobes` or `lsmhooks`. */
  readonly section: string;
  /** Position in its section. */
  readonly index: number;
  readonly kind: HookKind;
  readonly target: string;
  readonly state: "loaded" | "call-not-found" | "not-loaded";
  /** Why it isn't loaded; otherwise empty. */
  readonly error: string;
  /** Where it is attached; several if other attachments help to enforce. */
  readonly attachments: readonly AttachmentState[];
  readonly selectors: readonly SelectorState[];
};

export type AttachmentState = {
  /** For display, e.g. `LSM program on file_permission`. */
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
  /** Calls of the hooked functions for which this policy was checked. */
  readonly hits: bigint;
  readonly filtered: bigint;
  /** Calls without scratch memory: denied if a policy enforces there and the hook can deny. */
  readonly unevaluated: bigint;
  /** Calls that the kernel did not hand to its programs while it was in force; not included in hits. */
  readonly missed: bigint;
};
