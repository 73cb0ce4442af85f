// SPDX-License-Identifier: Apache-2.0
import { gander } from "./sensor.ts";

/** A policy's call counters from `gander policy list -o json`, as numbers. */
export interface PolicyCounters {
  readonly hits: number;
  readonly emitted: number;
  readonly filtered: number;
  readonly suppressed: number;
  readonly lost: number;
  /** Calls without memory to evaluate them: denied. */
  readonly unevaluated: number;
  /** The kernel skipped the program; not counted in hits. */
  readonly missed: number;
  readonly signal: number;
  readonly override: number;
}

interface Listed {
  readonly name: string;
  readonly stats?: { readonly action_counters?: Readonly<Record<string, string | number>> };
}

export function policyCounters(name: string): PolicyCounters {
  const policies: Listed[] = JSON.parse(gander("policy", "list", "-o", "json").output);
  const counters = policies.find((policy) => policy.name === name)?.stats?.action_counters;
  if (counters === undefined) throw new Error(`There are no counters of ${name}`);
  const sum = (...names: string[]) =>
    names.reduce((total, key) => total + Number(counters[key] ?? 0), 0);
  return {
    hits: sum("hits"),
    emitted: sum("post"),
    filtered: sum("filtered"),
    suppressed: sum("nopost", "suppressed_rate_limit", "suppressed_budget"),
    lost: sum("lost_ring_full", "lost_memory"),
    unevaluated: sum("unevaluated"),
    missed: sum("missed"),
    signal: sum("signal"),
    override: sum("override"),
  };
}
