// SPDX-License-Identifier: Apache-2.0
import { typeRow } from "@gander/crd-schemas";
import type { CompiledFilter, CompiledHook } from "../compiled-policy.ts";
import { wantsReturn } from "../kernel-check/hook-traits.ts";

/** Instructions that a hook adds to a call, on Linux 6.12 (docs/performance.md), rounded. */
export type CallCost = {
  /** By a process that the policy is not for. */
  readonly elsewhere: number;
  /** At most, if it is looked at and matches nothing, whatever the number of policies with such filters. */
  readonly filtered: number;
  /** That matches and is posted. */
  readonly posted: number;
  /** It reads the new program's arguments or variables: their number and length decide what it costs. */
  readonly growsWithProgram: boolean;
};

/** Measured by bench/ and in docs/performance.md; call-cost.test.ts compares. */
export const measured = {
  functions: 254,
  lsm: 313,
  /** Reaching the program costs most: a breakpoint in the process. */
  programs: 2_000,
  programsWithReturn: 5_000,
  number: 386,
  binary: 1_378,
  path: 2_629,
  peer: 1_816,
  posted: 4_512,
  /** A filter that is evaluated policy by policy. */
  single: 900,
} as const;

/** How a filter is looked up. */
type Lookup = "number" | "binary" | "path" | "peer" | "single";

export function costOf(hook: CompiledHook): CallCost {
  const base = baseOf(hook);
  const lookups = new Set(
    hook.selectors.flatMap(({ filters }) => filters.map((filter) => lookupOf(filter, hook))),
  );
  const added = [...lookups].reduce((sum, lookup) => sum + addedBy(lookup), 0);
  const walked = lookups.has("path") ? measured.path : measured.functions;
  return {
    elsewhere: rounded(base),
    filtered: rounded(base + added),
    posted: rounded(base + added + measured.posted - Math.max(walked, measured.number)),
    growsWithProgram: hook.selectors.some(({ filters }) =>
      filters.some(({ on }) => on === "exec-argument" || on === "exec-variable"),
    ),
  };
}

function baseOf(hook: CompiledHook): number {
  const returns = wantsReturn(hook);
  if (hook.kind === "uprobe" || hook.kind === "usdt")
    return returns ? measured.programsWithReturn : measured.programs;
  const one = hook.kind === "lsm" ? measured.lsm : measured.functions;
  return returns ? 2 * one : one;
}

const addedBy = (lookup: Lookup): number =>
  lookup === "single" ? measured.single : measured[lookup] - measured.functions;

function lookupOf(filter: CompiledFilter, hook: CompiledHook): Lookup {
  if (filter.on === "binary" && !filter.followChildren && filter.match !== "postfix")
    return "binary";
  if (filter.on !== "arg" || filter.arg === "return") return "single";
  const type = hook.args[filter.arg]?.type;
  if (type === undefined || type === "auto") return "single";
  const { family } = typeRow(type);
  const { op } = filter.test;
  if (family === "path") return op === "str-equal" || op === "str-prefix" ? "path" : "single";
  if (op === "daddr") return "peer";
  return op === "equal" || op === "in-set" ? "number" : "single";
}

/** Two digits are all that another kernel and another machine have in common with the measurement. */
function rounded(instructions: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(instructions)) - 1);
  return Math.round(instructions / unit) * unit;
}
