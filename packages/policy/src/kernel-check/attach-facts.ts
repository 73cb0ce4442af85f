// SPDX-License-Identifier: Apache-2.0

import type { ProbeSite } from "../language/probe-argument.ts";
import type { ProgramPlace } from "../language/program-place.ts";
import type { Prototype } from "./check-prototype.ts";
import type { PathResult, TypeRoot } from "./follow-type.ts";
import type { FoundFunctions, FunctionSet } from "./matching-functions.ts";
import type { RecordField } from "./record-field.ts";

/** The file of a program or library on the node, as it was when it was looked up. */
export type ProgramFile = FoundProgram | NoPlace;

export type FoundProgram = {
  /** Identifies the file and its content; used in names of pins. */
  readonly version: string;
  /** Of the file itself, to which links may have led. Absent: the path that was looked up. */
  readonly file?: string;
  /** Why another file may be at the path by now; otherwise empty or absent. */
  readonly doubt?: string;
  /** Written in Go, where functions take their arguments and move their stacks in another way. */
  readonly isGo: boolean;
  /** `ALGORITHM:HEX`, for the algorithms that policies name. */
  readonly digests: ReadonlySet<string>;
  /** Where a function begins in the file, and when it is loaded at the addresses that it is linked for. */
  place(place: ProgramPlace): FoundPlace | NoPlace;
  /** All places of a static probe. */
  probe(
    place: ProgramPlace,
  ): { readonly sites: readonly ProbeSite[]; readonly problem?: never } | NoPlace;
  readonly problem?: never;
};

export type FoundPlace = {
  readonly offset: number;
  readonly address: number;
  readonly problem?: never;
};

/** Why it can't be hooked, as a sentence without an end, and what to do. */
export type NoPlace = { readonly problem: string; readonly hint: string };

/** The capabilities of a kernel that attaching policies depends on. */
export interface AttachFacts {
  /** `uname -r` */
  readonly release: string;
  /** Names in /sys/kernel/security/lsm, in order. */
  readonly activeLsms: readonly string[];
  /** From the kernel's BTF; undefined if absent there. */
  prototype(functionName: string): Prototype | undefined;
  /** Whether ftrace lists the function, so that fentry and kprobe.multi can attach. */
  isTraceable(functionName: string): boolean;
  /** Whether a kprobe can be attached: the symbol exists. */
  hasSymbol(functionName: string): boolean;
  /** The kernel's own functions of a set, without those of its modules. */
  matchingFunctions(set: FunctionSet): FoundFunctions;
  /** Fields in the order of the format file: policies count from `common_type`. Undefined if none. */
  tracepointFormat(
    subsystem: string,
    event: string,
  ): { readonly fields: readonly RecordField[] } | undefined;
  /** TP_PROTO of a tracepoint, without the leading data pointer. */
  rawTracepoint(event: string): Prototype | undefined;
  /** Absent: the machine's files are not known here. */
  program?(path: string): ProgramFile;
  /** Why programs can't read what a new program gets; undefined: they can. Absent: that is not known here. */
  execProblem?(): NoPlace | undefined;
  /** Where the members of a path lead, in the kernel's types. */
  followPath(root: TypeRoot, path: string): PathResult;
  /** An existing name that was probably meant. */
  similarFunction(name: string): string | undefined;
  similarTracepoint(subsystem: string, event: string): string | undefined;
}

/** Whether LSM programs are called; loading and attaching them works without an error even if not. */
export function hasBpfLsm(facts: Pick<AttachFacts, "activeLsms">): boolean {
  return facts.activeLsms.includes("bpf");
}
