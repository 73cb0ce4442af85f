// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { InstalledRule } from "../link/planned-rule.ts";
import { allRules, type InstalledPolicy } from "./installed-policy.ts";

/** The rule without the selectors of exceptions that have ended; the same object if none has. */
export function withoutEnded(rule: InstalledRule, nowMs: number): InstalledRule {
  const { planned, counters } = rule;
  const isLeft = ({ exception }: (typeof planned.selectors)[number]) =>
    exception?.expires === undefined || exception.expires > nowMs;
  if (planned.selectors.every(isLeft)) return rule;
  return {
    ...rule,
    planned: { ...planned, selectors: planned.selectors.filter(isLeft) },
    counters: counters.filter((_, i) => isLeft(planned.selectors[i] ?? noSelector)),
  };
}

const noSelector = {} as InstalledRule["planned"]["selectors"][number];

/** When the next exception of these policies ends after that time; Infinity: none does. */
export function nextEndMs(policies: Iterable<InstalledPolicy>, afterMs: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const policy of policies)
    for (const { planned } of allRules(policy))
      for (const { exception } of planned.selectors) {
        const { expires = next } = exception ?? {};
        if (expires > afterMs && expires < next) next = expires;
      }
  return next;
}

/** Of this machine, but never earlier than before: what has ended does not begin again. */
export function createEndClock(now: () => number = Date.now): () => number {
  let latest = 0;
  return () => {
    latest = Math.max(latest, now());
    return latest;
  };
}

/** Of which only these matter here; `Policies` are those in force. */
type EndingTables<Policies> = {
  hasEndedExceptions(): boolean;
  installed(): Policies;
  advance(policies: Policies): void;
};

type Deps = {
  /** Runs the job when the tables may be changed. */
  exclusively(job: () => void): Promise<void>;
  readonly logger: Logger;
};

/** How long an exception may outlive its end. */
const periodMs = 500;

/** Ends exceptions at their time, whether an operator is there or not. */
export function watchExceptions<Policies>(
  tables: EndingTables<Policies>,
  { exclusively, logger }: Deps,
): Disposable {
  let isBusy = false;
  let hasFailed = false;
  const end = async () => {
    await exclusively(() => tables.advance(tables.installed()));
    logger.info("Exceptions of policies have ended");
    hasFailed = false;
  };
  const timer = setInterval(() => {
    if (isBusy || !tables.hasEndedExceptions()) return;
    isBusy = true;
    end()
      .catch((error: unknown) => {
        if (!hasFailed) logger.error("Exceptions of policies cannot be ended", { error });
        hasFailed = true;
      })
      .finally(() => {
        isBusy = false;
      });
  }, periodMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
