// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { NodePolicy } from "./node-version.ts";

/**
 * Why a policy cannot be put in force on this kernel. Finding that out again, with all proposals, takes
 * longer than everything else. A module loaded later may change it, so it expires after a while.
 */
export interface KnownProblems {
  of(policy: Identified): readonly Problem[] | undefined;
  add(policy: Identified, problems: readonly Problem[]): void;
}

type Identified = Pick<NodePolicy, "uid"> & { readonly compiled: { readonly digest: string } };

type KnownProblemsOptions = { readonly keepMs?: number; readonly now?: () => number };

const maxKnown = 512;

export function createKnownProblems(options: KnownProblemsOptions = {}): KnownProblems {
  const { keepMs = 10 * 60_000, now = Date.now } = options;
  const known = new Map<
    string,
    { readonly problems: readonly Problem[]; readonly until: number }
  >();
  return {
    of(policy) {
      const found = known.get(keyOf(policy));
      if (found !== undefined && found.until > now()) return found.problems;
      known.delete(keyOf(policy));
      return undefined;
    },
    add(policy, problems) {
      if (known.size >= maxKnown) known.clear();
      known.set(keyOf(policy), { problems, until: now() + keepMs });
    },
  };
}

function keyOf({ uid, compiled }: Identified): string {
  return `${uid} ${compiled.digest}`;
}
