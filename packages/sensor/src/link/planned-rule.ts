// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, HookPoint, TypedFilter, TypedSelector } from "@gander/policy";
import { action } from "./abi.gen.ts";
import type { LinkedSlot, LinkedVerdict } from "./linked-tables.ts";

/** One hook entry of a policy at one hook point of this kernel. Plain data. */
export type PlannedRule = {
  readonly point: HookPoint;
  /** enum rule_flags except RULE_MONITOR, which the linker adds. */
  readonly flags: number;
  /** How each argument of the hook entry is read at this hook; the event carries all of them. */
  readonly args: readonly ArgReading[];
  /** Absent: the event carries no return value and no filter reads it. */
  readonly returnValue?: ArgReading;
  readonly selectors: readonly PlannedSelector[];
  /** Rules with the same count calls together (`matchCount`). */
  readonly counted?: string;
  /** Supports an enforcing hook entry from another place: absent in mode monitor. */
  readonly onlyWhenEnforcing: boolean;
};

export type ArgReading = {
  readonly slot: LinkedSlot;
  /** Compare as signed numbers. */
  readonly signed: boolean;
};

export type PlannedSelector = {
  /** It is an exception's; not linked any more when that has ended. */
  readonly exception?: NonNullable<TypedSelector["exception"]>;
  readonly filters: readonly TypedFilter[];
  readonly returnFilters: readonly TypedFilter[];
  /** TrackSock and UntrackSock: which of the rule's arguments is the socket. */
  readonly verdict: Omit<
    LinkedVerdict,
    "counter" | "tracked" | "untracked" | "mark" | "firstAssignment"
  > & {
    /** NotifyEnforcer: what is to happen. Absent if the call has been marked before. */
    readonly mark?: number;
    readonly tracked?: number | "return" | undefined;
    readonly untracked?: number | "return" | undefined;
  };
};

/** A planned rule with the numbers that it has in the kernel: the linker's unit. Plain data. */
export type InstalledRule = {
  readonly id: number;
  /** Id of the attached hook. */
  readonly hookId: number;
  readonly planned: PlannedRule;
  /** By selector: index into the kernel's counters. */
  readonly counters: readonly number[];
};

/** A policy as the linker sees it. */
export type LinkablePolicy = {
  /** All its versions have the same. */
  readonly id: number;
  /** The active rules, in the order of the spec. */
  readonly rules: readonly InstalledRule[];
  /** Index of its event budget in the kernel. */
  readonly budget: number;
  /** Index of its fuse in the kernel; absent: it has none. */
  readonly fuse?: number | undefined;
  readonly mode: CompiledPolicy["mode"];
};

/** Whether it kills, denies, or changes anything, in mode enforce. */
export const enforces = ({ selectors }: Pick<PlannedRule, "selectors">): boolean =>
  selectors.some(({ verdict }) => (verdict.actions & action.ACTION_ENFORCE) !== 0);
