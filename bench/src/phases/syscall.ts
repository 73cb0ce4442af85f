// SPDX-License-Identifier: Apache-2.0
import { measureHookCost } from "../hook-cost.ts";
import { type Phase, scaledExtent } from "../phase.ts";
import { syscallPolicy, variants } from "../policy-texts.ts";

/** The added cost of every system call while policies watch the entry of some. */
export const syscall: Phase = {
  name: "syscall",
  title: "instructions added to getpid by policies on entries to system calls",
  measure: (options) =>
    measureHookCost(
      {
        extents: { getpid: scaledExtent(options, { batches: 41, size: 100 }) },
        empty: [{ kind: "raw_tp", target: "sys_enter", calls: ["getpid"] }],
        scenarios: [1, 10, 100].map((count) => ({
          id: `syscall.number.${count}`,
          what: `${count === 1 ? "1 policy" : `${count} policies`}, filtered out by the number`,
          policies: variants(syscallPolicy, count),
          attached: /^raw tracepoint on sys_enter$/,
          calls: ["getpid"],
          bar: 400,
        })),
      },
      options,
    ),
};
