// SPDX-License-Identifier: Apache-2.0
import type { Network, ValueRoute } from "@gander/policy";
import type { BitSet } from "./bit-set.ts";
import type { RangedNumber } from "./range-tests.ts";

/**
 * One side of the kernel's tables (bpf/abi.h) as plain data: the linker makes it from all policies, and
 * `writeTables` turns it into bytes. Enum values are those of abi.gen.ts.
 */
export type LinkedTables = {
  readonly hooks: readonly LinkedHook[];
  /** By group: hook id -> index into `applications`. Group 0 holds every cgroup that is not listed. */
  readonly groups: readonly ReadonlyMap<number, number>[];
  /** By group: what its cgroups have of the workloads that rows number. */
  readonly workloads: readonly GroupWorkloads[];
  /** Index 0 is never used: it means "no policy here". */
  readonly applications: readonly (LinkedApplication | undefined)[];
  readonly rules: readonly LinkedRule[];
  /** Index 0 is never used: it means "no further row". */
  readonly rows: readonly (LinkedRow | undefined)[];
  /** Index 0 is never used. */
  readonly verdicts: readonly (LinkedVerdict | undefined)[];
  /** Rules of a hook (counted from its first one) that a value leaves. Index 0 is never used. */
  readonly bitSets: readonly (BitSet | undefined)[];
  /** Routes of slots; index 0 is never used. */
  readonly routes: readonly (ValueRoute | undefined)[];
  /** Those of a verdict are neighbours; index 0 is never used. */
  readonly assignments: readonly (LinkedAssignment | undefined)[];
  /** Ids of all sets that rows name. */
  readonly sets: ReadonlySet<number>;
  /** `config.follow`: bits of processes that rows test. */
  readonly followed: ReadonlySet<number>;
  /** What the programs keep only while a row tests it or a verdict tells it. */
  readonly remembered: ReadonlySet<Remembered>;
  /** By which rows count calls. */
  readonly conditions: ReadonlySet<bigint>;
};

/** Numbers of workloads that a group belongs to, and of those that it may belong to. */
export type GroupWorkloads = {
  readonly within: readonly number[];
  readonly unsure: readonly number[];
};

/** The binary of each process's parent; its credentials and namespaces at its last exec; whose a socket is. */
export type Remembered = "parents" | "privileges" | "owners";

/** One way in which a rule reads an argument of the hooked function. */
export type LinkedSlot = {
  /** enum value_type */
  readonly type: number;
  /** enum slot_flags, ORed */
  readonly flags: number;
  /** Position of the argument as the hook sees it; for a tracepoint's record: the field's offset. */
  readonly raw: number;
  /** Position (or offset) of a second argument: the size of a buffer, the address of a socket. */
  readonly sizeRaw: number;
  /** For a tracepoint's record: bytes of the field. For a socket address: position of its length. */
  readonly size: number;
  /** From the argument to the value; absent: the argument is the value. */
  readonly route?: ValueRoute;
};

export type LinkedHook = {
  readonly id: number;
  readonly firstRule: number;
  readonly slots: readonly LinkedSlot[];
  /** By slot: index into `routes`, 0: none. */
  readonly routes: readonly number[];
  /** enum hook_table_flags, ORed */
  readonly flags: number;
  /** Index of the first row that says what a test of new programs' texts asks. */
  readonly execRows: number;
  /** Index of the row that is evaluated before those of any rule, 0: none; each leads to the next one (`fail`). */
  readonly firstQuestion: number;
  /** Where the bounds of its index begin in the table. */
  readonly firstBound: number;
  /** Undefined: all rules are evaluated. */
  readonly index: RuleIndex | undefined;
};

/**
 * The rules of a hook that can match a number, a text, a socket's peer or the running binary at all, so that
 * the programs skip the others. It only saves work: it includes every rule that could match, and rows decide.
 */
export type RuleIndex = {
  /** Slot of the number to look up, or NO_SLOT. */
  readonly numberSlot: number;
  readonly textSlot: number;
  readonly addressSlot: number;
  /** By number: index of a bit set. */
  readonly numbers: ReadonlyMap<bigint, number>;
  /** By prefix: index of a bit set, which includes those of shorter prefixes. */
  readonly prefixes: ReadonlyMap<string, number>;
  /** By the end of a text: index of a bit set, which includes those of shorter ends. */
  readonly endings: ReadonlyMap<string, number>;
  /** Index of a bit set, which also covers the wider networks that contain this one. */
  readonly networks: ReadonlyMap<Network, number>;
  /** By path, followed by a 0 unless it is a prefix; empty: binaries aren't looked up. */
  readonly binaries: ReadonlyMap<string, number>;
  /** By the end of a path. */
  readonly binaryEndings: ReadonlyMap<string, number>;
  /** Bit sets for unlisted values; 0: none is listed. */
  readonly numberDefault: number;
  readonly textDefault: number;
  readonly endingDefault: number;
  readonly addressDefault: number;
  readonly binaryDefault: number;
  readonly binaryEndingDefault: number;
  /** Rules that the text can exclude: if none is left, it need not be read. */
  readonly textRules: readonly number[];
  /** Undefined: ranges of no number are indexed. */
  readonly range: RangeIndex | undefined;
};

/** The rules that a number leaves: those of the last bound that is not above it. */
export type RangeIndex = RangedNumber & {
  /** Ascending, from 0 on, in the order of the number (`ordered`). */
  readonly bounds: readonly { readonly from: bigint; readonly bitSet: number }[];
};

export type LinkedApplication = {
  readonly hook: number;
  readonly firstRule: number;
  /** The rules from `firstRule` on that apply, ascending. */
  readonly bits: readonly number[];
  /** enum application_flags, ORed */
  readonly flags: number;
  /** Tests of new programs' texts that its rules ask (`LinkedRow.test`). */
  readonly execTests: readonly number[];
};

export type LinkedRule = {
  /** For user space: `RuleInfo.id`. */
  readonly id: number;
  readonly firstRow: number;
  /** enum rule_flags, ORed */
  readonly flags: number;
  /** Index of the policy's budget. */
  readonly policy: number;
  /** Index of the policy's fuse, if the rule enforces anything; 0: none. */
  readonly fuse: number;
  /** Slots whose values the event carries. */
  readonly args: readonly number[];
  /** Slot of the return value that the event carries, or NO_SLOT. */
  readonly returnSlot: number;
  /** Of the first argument that is a socket or a packet, or NO_SLOT. */
  readonly socketSlot: number;
};

export type LinkedRow = {
  /** enum row_op */
  readonly op: number;
  readonly slot: number;
  /** enum row_flags, ORed */
  readonly flags: number;
  readonly set: number;
  /** The next row if this one doesn't hold. */
  readonly fail: number;
  readonly verdict: number;
  /** How many `values` are used, in the operator's unit. */
  readonly n: number;
  /** As unsigned 64 bits. */
  readonly values: readonly bigint[];
  /** A set of names of variables, each with its "="; absent: 0. */
  readonly names?: number;
  /** Of a row on a new program's texts: the number of its test at this hook. Of a question: two bit sets. */
  readonly test?: number;
};

/** A step of struct assignment: registers are bytes in struct pt_regs. */
export type LinkedAssignment = {
  /** enum assignment_kind */
  readonly kind: number;
  readonly value: bigint;
  readonly from: number;
  readonly fromSize: number;
  readonly to: number;
  readonly size: number;
  readonly toSize: number;
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
  /** Set: the argument by its position in the probe, and what it becomes. */
  readonly set?: { readonly argument: number; readonly value: number };
  /** Override at a function of a program: what its registers become, one after the other. */
  readonly assignments?: readonly LinkedAssignment[];
  /** Position of the selector in the policy. */
  readonly selector: number;
  /** Slots of the sockets of TrackSock and UntrackSock. */
  readonly tracked: number;
  readonly untracked: number;
  /** Index of the first of `assignments`; 0: it has none. */
  readonly firstAssignment: number;
  /** For the enforcers of the policy (call-marks.ts). */
  readonly mark: bigint;
  /** Index into the map `counts`. */
  readonly counter: number;
};
