// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";

/** Waits `ms` milliseconds, or until `signal` aborts; true if it waited the full time. */
export async function wait(ms: number, options: { signal: AbortSignal }): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal: options.signal });
    return true;
  } catch {
    return false;
  }
}
