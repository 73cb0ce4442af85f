// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

/** Polls until the answer is neither undefined nor false. Throws, with the last state, after `timeoutMs`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  { timeoutMs = 120_000, everyMs = 100, seen = () => "" as unknown } = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end)
      throw new Error(
        `After ${timeoutMs} ms it still isn't so that ${what}. Seen last: ${await seen()}`,
      );
    await sleep(everyMs);
  }
}
