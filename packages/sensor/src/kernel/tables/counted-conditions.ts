// SPDX-License-Identifier: Apache-2.0
import { configFlags } from "../../link/abi.gen.ts";
import { ruleOfCondition } from "../../link/counted-calls.ts";
import { LinkLimitError } from "../../link/link-limit-error.ts";
import type { ConfigFlags } from "./config-flags.ts";

/** The conditions by which rows count calls: programs forget by this list what ended processes and cgroups had. */
export interface CountedConditions {
  /** @throws LinkLimitError if there are too many, with those that are on their way out. */
  add(conditions: ReadonlySet<bigint>): void;
  /** Ends the others, by which no row counts any more, and removes what was counted by them. */
  keepOnly(conditions: ReadonlySet<bigint>): void;
  /** Of all that are listed; 0: none is. */
  highestRule(): number;
}

type Deps = {
  readonly flags: ConfigFlags;
  /** The list in the kernel; 0: a free place. */
  readonly conditions: BigUint64Array;
  /** Tells the programs how many places they have to look at. */
  readonly setUsed: (places: number) => void;
  /** Removes the entries whose condition is not listed. */
  readonly sweep: () => void;
};

export function createCountedConditions({
  flags,
  conditions: places,
  setUsed,
  sweep,
}: Deps): CountedConditions {
  /** Of the conditions that rows have, or had until now. */
  let inForce: ReadonlySet<bigint> = new Set(places);
  /** An earlier sensor may have ended some and died before it had swept. */
  let isSwept = false;
  const keepPlaces = (kept: (condition: bigint) => boolean) => {
    for (const [place, condition] of places.entries()) {
      if (condition === 0n || kept(condition)) continue;
      Atomics.store(places, place, 0n);
      isSwept = false;
    }
  };
  const put = (condition: bigint) => {
    const place = places.indexOf(0n);
    if (place < 0) throw new LinkLimitError("too many selectors count calls");
    Atomics.store(places, place, condition);
  };
  const tellUsed = () => setUsed(places.findLastIndex((condition) => condition !== 0n) + 1);
  const sweepOnce = () => {
    if (!isSwept) sweep();
    isSwept = true;
  };
  return {
    add(conditions) {
      if (conditions.size === 0) return;
      // Some may have been listed for policies that could not be put in force.
      keepPlaces((condition) => inForce.has(condition) || conditions.has(condition));
      sweepOnce();
      for (const condition of conditions) if (!places.includes(condition)) put(condition);
      tellUsed();
      flags.set(configFlags.CONFIG_TALLIES, true);
    },
    keepOnly(conditions) {
      const isUsed = flags.isSet(configFlags.CONFIG_TALLIES);
      inForce = conditions;
      keepPlaces((condition) => conditions.has(condition));
      tellUsed();
      if (conditions.size === 0) flags.set(configFlags.CONFIG_TALLIES, false);
      // What ends before this is not forgotten by itself any more, and nobody counts by it.
      if (isUsed) sweepOnce();
    },
    highestRule: () => Math.max(0, ...Array.from(places, ruleOfCondition)),
  };
}
