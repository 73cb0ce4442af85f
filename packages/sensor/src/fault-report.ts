// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@gander/base";

export type Faults = Readonly<Record<string, bigint>>;

/** Faults that were counted since `before`, by name; undefined if there are none. */
export function newFaults(before: Faults, now: Faults): Record<string, string> | undefined {
  const grown = Object.entries(now).filter(([name, count]) => count > (before[name] ?? 0n));
  if (grown.length === 0) return undefined;
  return Object.fromEntries(
    grown.map(([name, count]) => [name, (count - (before[name] ?? 0n)).toString()]),
  );
}

/**
 * Logs what the programs in the kernel count because it should not happen (a table that is full, memory
 * that could not be had), at most once a period: until the signal is aborted.
 */
export async function reportFaults(
  read: () => Faults,
  logger: Logger,
  { periodMs, signal }: { readonly periodMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let before = read();
  while (!signal.aborted) {
    await sleep(periodMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    const now = read();
    const grown = newFaults(before, now);
    if (grown !== undefined)
      logger.warn("Programs in the kernel met with faults", { faults: grown });
    before = now;
  }
}
