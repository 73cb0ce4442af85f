// SPDX-License-Identifier: Apache-2.0
import type { Network } from "@gander/policy";

/**
 * One side of the kernel's tables (bpf/abi.h) as plain data: what the linker makes of all policies
 * and what `writeTables` turns into bytes. Numbers of enums are those of abi.gen.ts.
 */
export type LinkedTables = {
  readonly hooks: readonly LinkedHook[];
  /** By group: hook id -> index into `applications`. Group 0 is every cgroup that is not listed. */
  readonly groups: readonly ReadonlyMap<number, number>[];
  /** Index 0 is never used: it means "no policy here". */
  readonly applications: readonly (LinkedApplication | undefined)[];
  readonly rules: readonly LinkedRule[];
  /** Index 0 is never used: it means "no further row". */
  readonly rows: readonly (LinkedRow | undefined)[];
  /** Index 0 is never used. */
  readonly verdicts: readonly (LinkedVerdict | undefined)[];
  /** Rules of a hook (from its first one on) that a value leaves. Index 0 is never used. */
  readonly bitSets: readonly (readonly number[] | undefined)[];
  /** Ids of all sets that rows name. */
  readonly sets: ReadonlySet<number>;
  /** `config.follow`: bits of processes that rows look at. */
  readonly followed: ReadonlySet<number>;
};

/** A way in which a rule reads an argument of the hooked function. */
export type LinkedSlot = {
  /** enum value_type */
  readonly type: number;
  /** enum slot_flags, ORed */
  readonly flags: number;
  /** Position of the argument as the hook sees it; a tracepoint's record: offset of the field. */
  readonly raw: number;
  /** Position (or offset) of a second argument: a buffer's size, the address of a socket. */
  readonly sizeRaw: number;
  /** A tracepoint's record: bytes of the field. Address of a socket: position of its length. */
  readonly size: number;
};

export type LinkedHook = {
  readonly id: number;
  readonly firstRule: number;
  readonly slots: readonly LinkedSlot[];
  /** enum hook_table_flags, ORed */
  readonly flags: number;
  /** Undefined: all rules are looked at. */
  readonly index: RuleIndex | undefined;
};

/**
 * Which rules of a hook can match a number, a text, a socket's peer or the running binary at all, so
 * that the programs leave out the others. It only spares work: every rule that could match is in,
 * and rows decide.
 */
export type RuleIndex = {
  /** Slot of the number that is looked up, or NO_SLOT. */
  readonly numberSlot: number;
  readonly textSlot: number;
  readonly addressSlot: number;
  /** By number: index of a bit set. */
  readonly numbers: ReadonlyMap<bigint, number>;
  /** By prefix: index of a bit set, which includes that of shorter prefixes. */
  readonly prefixes: ReadonlyMap<string, number>;
  /** Index of a bit set, which takes the wider networks around into account. */
  readonly networks: ReadonlyMap<Network, number>;
  /** By path, with a 0 behind it where it isn't a prefix; empty: binaries aren't looked up. */
  readonly binaries: ReadonlyMap<string, number>;
  /** Bit sets of what isn't listed. */
  readonly numberDefault: number;
  readonly textDefault: number;
  readonly addressDefault: number;
  readonly binaryDefault: number;
  /** Rules that the text can rule out: if none is left, it need not be read. */
  readonly textRules: readonly number[];
};

export type LinkedApplication = {
  readonly hook: number;
  readonly firstRule: number;
  /** Which rules from `firstRule` on apply, ascending. */
  readonly bits: readonly number[];
  /** enum application_flags, ORed */
  readonly flags: number;
};

export type LinkedRule = {
  /** For user space: `RuleInfo.id`. */
  readonly id: number;
  readonly firstRow: number;
  /** enum rule_flags, ORed */
  readonly flags: number;
  /** Index of the policy's budget. */
  readonly policy: number;
  /** Slots whose values the event carries. */
  readonly args: readonly number[];
  /** Slot of the return value that the event carries, or NO_SLOT. */
  readonly returnSlot: number;
};

export type LinkedRow = {
  /** enum row_op */
  readonly op: number;
  readonly slot: number;
  /** enum row_flags, ORed */
  readonly flags: number;
  readonly set: number;
  /** Next row if this one doesn't hold. */
  readonly fail: number;
  readonly verdict: number;
  /** How many of `values` count, in the unit of the operator. */
  readonly n: number;
  /** As unsigned 64 bits. */
  readonly values: readonly bigint[];
};

export type LinkedVerdict = {
  /** enum action, ORed */
  readonly actions: number;
  /** Negative errno for ACTION_DENY. */
  readonly error: number;
  readonly signal: number;
  /** enum rate_scope */
  readonly rateScope: number;
  readonly rateWindowMs: number;
  /** Position of the selector in the policy. */
  readonly selector: number;
  /** Index into the map `counts`. */
  readonly counter: number;
};
