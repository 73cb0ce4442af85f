// SPDX-License-Identifier: Apache-2.0
import type { Btf } from "@gander/btf";
import { type BtfKind, findTypes } from "@gander/btf";
import type { AttachType } from "./kernel-names.ts";

/** Under which type the kernel looks for what a program is attached to; functions as they are. */
const rules: Partial<Record<AttachType, readonly [kind: BtfKind, prefix: string]>> = {
  lsm_mac: ["func", "bpf_lsm_"],
  trace_raw_tp: ["typedef", "btf_trace_"],
  trace_iter: ["func", "bpf_iter_"],
};

/**
 * BTF ids to attach to, for all names in one pass: functions for "trace_fentry", "trace_fexit" and
 * "modify_return", hooks for "lsm_mac" ("file_open"), tracepoints for "trace_raw_tp", kinds of
 * things for "trace_iter" ("task"). Names that this kernel doesn't have are missing.
 */
export function findAttachTargets(
  btf: Btf,
  attachType: AttachType,
  names: Iterable<string>,
): Map<string, number> {
  const [kind, prefix] = rules[attachType] ?? ["func", ""];
  const wanted = Array.from(names, (name) => prefix + name);
  const found = findTypes(btf, kind, wanted);
  return new Map([...found].map(([name, id]) => [name.slice(prefix.length), id]));
}
