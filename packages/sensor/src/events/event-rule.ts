// SPDX-License-Identifier: Apache-2.0

import type { ArgType, HookEvent } from "@gander/policy";
import type { HookPart } from "@gander/proto";
import type { RuleRequest } from "../link/rule-info.ts";

/** The decoder's view of the rule that made a record; the policy manager supplies it. */
export type EventRule = {
  readonly id: number;
  readonly policyName: string;
  readonly policyNamespace: string;
  /** kprobe: as attached, system calls with their prefix; lsm: the hook; uprobe: the symbol. */
  readonly functionName: string;
  /** Of many: the last value in the record says which of these was called. */
  readonly functions?: readonly string[] | undefined;
  /** tracepoint: subsys, event; usdt: provider, name. */
  readonly subsystem?: string | undefined;
  readonly event?: string | undefined;
  readonly path?: string | undefined;
  readonly offset?: number | undefined;
  readonly args: readonly EventRuleArg[];
  readonly returnArg?: EventRuleArg | undefined;
  readonly requests?: readonly RuleRequest[] | undefined;
  readonly message: string;
  readonly tags: readonly string[];
  readonly eventKind: HookEvent;
};

/**
 * Asks for what an action requests. False: it will not be done.
 * @param pid the process that the event is about.
 */
export type OfferRequest = (
  request: RuleRequest["request"],
  asker: Pick<EventRule, "policyName" | "policyNamespace"> & { readonly pid: number },
) => boolean;

export type EventRuleArg = {
  readonly type: ArgType;
  readonly label: string;
  /** It is read from there: events carry it as data. */
  readonly source?: string;
};

/** Finds a rule by the id in a record. */
export type EventRules = { rule(id: number): EventRule | undefined };

/** The texts of a rule, encoded once. */
export type RuleText = HookPart & {
  readonly policyNamespace: string;
  /** What was called, after a comma: `"function_name":"…"`, `"path":"…","symbol":"…"` … */
  readonly jsonTarget: Uint8Array;
  /** `,"policy_name":"…"` */
  readonly jsonPolicy: Uint8Array;
  /** `,"message":"…","tags":[…]` */
  readonly jsonMessage: Uint8Array;
  /** lsm, uprobe, usdt: `,"policy_name":"…","message":"…"` */
  readonly jsonBeforeArgs: Uint8Array;
  /** The text after the arguments of an event without stacks. */
  jsonEnd(action: number, returnAction: number): Uint8Array;
  /** uprobe, usdt: the text after the ancestors. */
  jsonLast(action: number): Uint8Array;
};
