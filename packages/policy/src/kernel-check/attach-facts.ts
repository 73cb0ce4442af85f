// SPDX-License-Identifier: Apache-2.0
import type { Prototype } from "./check-prototype.ts";
import type { RecordField } from "./record-field.ts";

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
  /** Fields in the order of the format file: policies count from `common_type`. Undefined if none. */
  tracepointFormat(
    subsystem: string,
    event: string,
  ): { readonly fields: readonly RecordField[] } | undefined;
  /** TP_PROTO of a tracepoint, without the leading data pointer. */
  rawTracepoint(event: string): Prototype | undefined;
  /** An existing name that was probably meant. */
  similarFunction(name: string): string | undefined;
  similarTracepoint(subsystem: string, event: string): string | undefined;
}

/** Whether LSM programs are called; loading and attaching them works without an error even if not. */
export function hasBpfLsm(facts: Pick<AttachFacts, "activeLsms">): boolean {
  return facts.activeLsms.includes("bpf");
}
