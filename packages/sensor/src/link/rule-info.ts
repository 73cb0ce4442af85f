// SPDX-License-Identifier: Apache-2.0
import type { HookEvent, HookKind, RequestAction, TypedArg } from "@gander/policy";

/** The facts that an event needs about its rule; found by `record_hook.rule`. */
export type RuleInfo = {
  readonly id: number;
  readonly policyName: string;
  /** Empty for a cluster-scoped policy. */
  readonly policyNamespace: string;
  readonly kind: HookKind;
  readonly eventKind: HookEvent;
  /**
   * kprobe: as attached, system calls with their prefix (`__x64_sys_openat`); lsm: the hook; uprobe: the
   * symbol, if the policy names one.
   */
  readonly functionName: string;
  /** Of many: the event's last value says which of these was called. */
  readonly functions?: readonly string[];
  /** Only for uprobes and usdts: the program; uprobes: and where in the file or behind the symbol. */
  readonly path?: string;
  readonly offset?: number;
  /** Only for tracepoints; of usdts: provider and name. */
  readonly subsystem?: string;
  readonly event?: string;
  /** In the order in which the event carries their values. */
  readonly args: readonly TypedArg[];
  readonly returnArg?: TypedArg;
  /** What the sensor is asked to request when an event of the selector arrives. */
  readonly requests?: readonly RuleRequest[];
  readonly message: string;
  readonly tags: readonly string[];
};

export type RuleRequest = { readonly selector: number; readonly request: RequestAction };
