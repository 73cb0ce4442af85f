// SPDX-License-Identifier: Apache-2.0
import type { CompiledArg, HookEvent, HookKind } from "@gander/policy";

/** The facts that an event needs about its rule; found by `record_hook.rule`. */
export type RuleInfo = {
  readonly id: number;
  readonly policyName: string;
  /** Empty for a cluster-scoped policy. */
  readonly policyNamespace: string;
  readonly kind: HookKind;
  readonly eventKind: HookEvent;
  /** kprobe: as attached, system calls with their prefix (`__x64_sys_openat`); lsm: the hook. */
  readonly functionName: string;
  /** Only for tracepoints. */
  readonly subsystem?: string;
  readonly event?: string;
  /** In the order in which the event carries their values. */
  readonly args: readonly CompiledArg[];
  readonly returnArg?: CompiledArg;
  readonly message: string;
  readonly tags: readonly string[];
};
