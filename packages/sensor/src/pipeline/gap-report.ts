// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@gander/base";
import type { PolicyState } from "../policy/index.ts";

type Policy = Pick<PolicyState, "id" | "revision" | "name" | "namespace" | "mode" | "counters">;

/** Policies that did not judge all calls and are not in `told`; adds them to it. */
function newGaps(policies: readonly Policy[], told: Set<string>): readonly Policy[] {
  return policies.filter(({ id, revision, counters }) => {
    const key = `${id} ${revision} ${counters.missed > 0n} ${counters.unevaluated > 0n}`;
    const isNew = counters.missed + counters.unevaluated > 0n && !told.has(key);
    if (isNew) told.add(key);
    return isNew;
  });
}

/** Logs unjudged calls once for each policy and cause, until the signal is aborted. */
export async function reportGaps(
  list: () => readonly Policy[],
  logger: Logger,
  { periodMs, signal }: { readonly periodMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const told = new Set<string>();
  while (!signal.aborted) {
    for (const { name, namespace, mode, counters } of newGaps(list(), told)) {
      const { missed, unevaluated } = counters;
      const counts = { missed: String(missed), unevaluated: String(unevaluated) };
      logger.warn("A policy could not judge all calls; gander policy list keeps counting", {
        ...{ policy: name, namespace, mode },
        ...counts,
      });
    }
    await sleep(periodMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
