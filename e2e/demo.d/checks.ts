// SPDX-License-Identifier: Apache-2.0
import type { Screen } from "./screen.ts";

/** A promise and whether it was kept, as found by looking: never told from events alone. */
export type Check = { readonly promise: string; readonly kept: boolean; readonly found: string };

/** Prints all checks; the exit status of the demonstration. */
export function conclude(checks: readonly Check[], screen: Screen): number {
  const broken = checks.filter(({ kept }) => !kept);
  for (const { promise, kept, found } of checks) {
    const mark = kept ? screen.paint("good", "✔") : screen.paint("bad", "✘");
    screen.show([`${mark} ${promise} ${screen.paint("dim", `(${found})`)}`]);
  }
  const verdict = `${checks.length - broken.length} of ${checks.length} held.`;
  screen.tell(screen.paint(broken.length === 0 ? "good" : "bad", verdict));
  return broken.length === 0 ? 0 : 1;
}
