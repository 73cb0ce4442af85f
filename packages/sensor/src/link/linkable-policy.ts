// SPDX-License-Identifier: Apache-2.0
import type { CompiledFilter } from "@gander/policy";
import type { LinkedSlot, LinkedVerdict } from "./linked-tables.ts";

/** One hook entry of a policy at one attached hook: the linker's unit. */
export type LinkableRule = {
  readonly id: number;
  /** Id of the attached hook. */
  readonly hook: number;
  /** Index of the policy's budget. */
  readonly policy: number;
  /** The first argument there is a file that stays open and will be seen again. */
  readonly seesOpenFile?: boolean;
  /** enum rule_flags except RULE_MONITOR, which the linker adds. */
  readonly flags: number;
  /** How each argument of the hook entry is read at this hook; the event carries all of them. */
  readonly args: readonly ArgReading[];
  /** Absent: the event carries no return value and no filter reads it. */
  readonly returnValue?: ArgReading;
  readonly selectors: readonly LinkableSelector[];
};

export type ArgReading = {
  readonly slot: LinkedSlot;
  /** Compare as signed numbers. */
  readonly signed: boolean;
};

export type LinkableSelector = {
  readonly filters: readonly CompiledFilter[];
  readonly returnFilters: readonly CompiledFilter[];
  readonly verdict: LinkedVerdict;
};

/** A policy as the linker sees it. */
export type LinkablePolicy = {
  /** Rules in the order of the spec. */
  readonly rules: readonly LinkableRule[];
  readonly mode: "enforce" | "monitor";
};
